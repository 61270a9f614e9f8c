# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on everything that nobody may need, by tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.prune_marks import (
    Mark,
    dump_marks,
    marked_since,
    parse_marks,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.prune_plan import Facts, File, Item, Limits, decide
from ansible_collections.corral.ollama.plugins.module_utils.core.references import Named, References, digests_in

NOW = 1_000_000.0
A, B = "a" * 64, "b" * 64
LIMITS = Limits(min_age=100, partial_age=50, quarantine_age=500)
FACTS = Facts(NOW)


def item(kind, age=1000.0, inode=1, size=10, links=1, **more):
    file = File(f"{kind}-{inode}", inode, links, size, size)
    since = None if age is None else NOW - age
    return Item(kind, file.path, since, (file,), **more)


def verdict(one, facts=FACTS, limits=LIMITS):
    (candidate,) = decide([one], facts, limits)
    return candidate.action


@pytest.mark.parametrize(
    ("one", "action"),
    [
        (item("orphan", 100), "remove"),
        (item("orphan", 99), "wait"),
        (item("orphan", None), "wait"),
        (item("orphan", -50), "wait"),
        (item("partial", 50), "remove"),
        (item("partial", 49), "wait"),
        (item("staged", 50), "remove"),
        (item("staged", 49), "wait"),
        (item("temp", 50), "remove"),
        (item("temp", 49), "wait"),
        (item("quarantine", 500), "remove"),
        (item("quarantine", 499), "wait"),
        (item("quarantine", 500, keep="it is the last"), "keep"),
        (item("past", 100), "remove"),
        (item("past", 99), "wait"),
        (item("stray", 10**9, keep="unknown"), "keep"),
        (item("model", 10**9), "keep"),
        (item("empty", None), "remove"),
    ],
)
def test_age(one, action):
    assert verdict(one) == action


KINDS = ("model", "orphan", "partial", "staged", "temp", "quarantine", "past", "empty")


@pytest.mark.parametrize(
    ("facts", "waiting"),
    [
        ({}, set()),
        ({"pulling": ("the puller p runs",)}, {"partial", "staged", "temp", "empty"}),
        ({"blockers": ("manifests/x cannot be read",)}, {"orphan"}),
        ({"unsure": ("x could not be asked",)}, {"orphan", "past"}),
        ({"running": {A}}, {"orphan"}),
        ({"running": {B}}, set()),
        ({"running_manifests": {A}}, {"past"}),
    ],
)
def test_what_makes_whom_wait(facts, waiting):
    limits = replace(LIMITS, undeclared=True)
    found = {kind: verdict(item(kind, digest=A), replace(FACTS, **facts), limits) for kind in KINDS}
    assert {kind for kind, action in found.items() if action == "wait"} == waiting
    assert {kind for kind, action in found.items() if action == "remove"} == set(KINDS) - waiting


def test_a_superseded_manifest_stays_as_long_as_one_of_its_blobs():
    past = item("past", 1000, inode=3, blobs=frozenset({A, B}))
    young, old = item("orphan", 1, inode=1, digest=A), item("orphan", 1000, inode=2, digest=B)
    actions = {one.item.path: one.action for one in decide([past, young, old], FACTS, LIMITS)}
    assert actions == {"orphan-2": "remove", "orphan-1": "wait", "past-3": "keep"}
    assert [one.action for one in decide([past, old], FACTS, LIMITS)] == ["remove", "remove"]


@pytest.mark.parametrize(
    ("free", "goal", "gone"),
    [
        (0, 0, ["orphan-1", "orphan-2", "partial-3", "model-9"]),
        (50, 50, []),
        (50, 51, ["partial-3"]),
        (50, 61, ["partial-3", "orphan-2"]),
        (50, 80, ["partial-3", "orphan-2", "orphan-1"]),
        (50, 81, ["partial-3", "orphan-2", "orphan-1", "model-9"]),
    ],
)
def test_a_goal_takes_the_oldest_first_and_models_last(free, goal, gone):
    items = [
        item("orphan", 200, inode=1),
        item("orphan", 300, inode=2),
        item("partial", 400, inode=3),
        item("orphan", 1, inode=4),
        replace(item("model", 10**6, inode=9), files=(), later=1000),
    ]
    found = decide(items, replace(FACTS, free=free), replace(LIMITS, free_goal=goal, undeclared=True))
    assert {one.item.path for one in found if one.action == "remove"} == set(gone)
    assert {one.item.path for one in found if one.action == "wait"} == {"orphan-4"}


def test_bytes_come_free_with_the_last_link():
    two = [item("orphan", inode=7, links=2), replace(item("staged", inode=7, links=2), path="x")]
    assert [one.bytes for one in decide(two, FACTS, LIMITS)] == [0, 10]
    assert [one.bytes for one in decide(two[:1], FACTS, LIMITS)] == [0]


def test_hostile_names_become_text():
    one = replace(item("stray", keep="x"), path="blobs/\udcff\n" + "y" * 9999)
    (row,) = [candidate.as_dict() for candidate in decide([one], FACTS, LIMITS)]
    assert row["path"].isprintable()
    assert len(row["path"]) <= 400


MARK = Mark(900.0, 1, 10)


@pytest.mark.parametrize(
    ("mark", "superseded", "since"),
    [
        (None, (), None),
        (MARK, (), 900.0),
        (MARK, (950.0,), 950.0),
        (MARK, (800.0, 850.0), 900.0),
        (None, (800.0, 850.0), 850.0),
        (None, (1001.0,), None),
        (replace(MARK, first_seen=1001.0), (), None),
        (replace(MARK, inode=2), (), None),
        (replace(MARK, size=11), (800.0,), 800.0),
    ],
)
def test_since_when(mark, superseded, since):
    assert marked_since(mark, 1, 10, superseded, 1000.0) == since


def test_marks_there_and_back():
    marks = {"blobs/x": MARK, "blobs/y": Mark(1.5, 2**63, 0)}
    assert parse_marks(dump_marks(marks)) == marks


def test_digests_in_a_text():
    assert digests_in(b"\xff{sha256:" + A.upper().encode() + b'"sha256-' + B.encode() + b"sha256:123") == {A, B}
    named = [Named("m/1", "m:1", ("m",), A, frozenset({A})), Named("m/2", "m:2", ("m",), B, frozenset({A, B}))]
    references = References(tuple(named))
    assert (references.names(A), references.names(B), references.names("c")) == ("m/1", "m/2", "")
    assert references.blobs == {A, B}
