# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: three hosts deployed, again without a change, a model moved, another image host by host."""

from __future__ import annotations

import time

import pytest
from corral_practice.front import Front
from fleet import ENGINES, digests, pretty, spans, versions
from lab import converges, manifests, served
from rolls import audit

MODELS = ["fleet-moves:1b", "llama3.2:3b"]
MOVES = MODELS[0]
OLD, NEW = "0.32.15-practice", "0.32.16-practice"


@pytest.fixture(scope="module")
def runs(fleet):
    found = converges(next(iter(fleet.hosts.values())).ephemeral)[-2:]
    assert [run[0]["check"] for run in found] == [False, False]
    return found


def test_every_instance_of_every_host_answers_with_every_model(fleet):
    assert fleet.report["ok"] is True, pretty(fleet.report["problems"])
    assert fleet.report["summary"]["hosts"] == 3
    found = fleet.by_host()
    assert sorted(found) == sorted(ENGINES)
    for entries in found.values():
        assert [entry["name"] for entry in entries] == ["ollama-server-1", "ollama-server-2"]
        for entry in entries:
            assert sorted(model["name"] for model in entry["models"]) == MODELS
            assert all(model["listed"] and model["answered"] for model in entry["models"])


def test_the_second_run_changed_nothing(runs):
    assert [event["task"] for event in runs[1] if event["event"] == "changed"] == []
    recap = next(event["hosts"] for event in runs[1] if event["event"] == "stats")
    assert sorted(recap) == sorted(f"corral-molecule-fleet-{name}" for name in ENGINES)
    assert [counts["changed"] for counts in recap.values()] == [0, 0, 0]


def blobs(lab):
    """The size of every blob that the manifests of a host name, by digest (64 hex)."""
    entries = [entry for found in manifests(lab).values() for entry in [found["config"], *found["layers"]]]
    return {entry["digest"].removeprefix("sha256:"): entry["size"] for entry in entries}


def sent(fleet, since):
    """What the registry has sent of each blob, and to how many of the hosts."""
    counted = {}
    for lab in fleet.hosts.values():
        for digest, size in served(lab, since).items():
            before, hosts = counted.get(digest, (0, 0))
            counted[digest] = (before + size, hosts + 1)
    return counted


def test_the_registry_sent_each_blob_once_for_all_hosts(fleet, runs):
    one, two, three = (blobs(lab) for lab in fleet.hosts.values())
    assert one == two == three
    assert sent(fleet, since=runs[0][0]["at"]) == {digest: (size, 1) for digest, size in one.items()}


def test_a_model_moves_on_one_host_and_then_on_the_others(fleet):
    registry = Front().registry
    first, second = (
        registry.digest(f"fleet-moves:{version}").removeprefix("sha256:") for version in ("first", "second")
    )
    assert [digests(lab, MOVES) for lab in fleet.hosts.values()] == [{first}] * 3
    registry.move_tag(MOVES, "fleet-moves:second")
    lab, since = next(iter(fleet.hosts.values())), time.time()
    known = blobs(lab)
    run = fleet.run("update_models").ok()
    assert [digests(lab, MOVES) for lab in fleet.hosts.values()] == [{second}] * 3
    new = {digest: (size, 1) for digest, size in blobs(lab).items() if digest not in known}
    assert sent(fleet, since) == new, "each new blob once for all hosts"
    leader, *others = spans(run).values()
    assert len(others) == 2
    assert all(leader[1] < other[0] for other in others), "one host begins, the others follow"


def test_another_image_goes_from_host_to_host(fleet):
    before = {name: len(audit(lab)) for name, lab in fleet.hosts.items()}
    run = fleet.run("rolling_restart", corral_image=f"corral-practice/ollama:{NEW}").ok()
    assert [versions(lab) for lab in fleet.hosts.values()] == [{NEW}] * 3
    one, two, three = spans(run, "rolling_restart").values()
    assert one[1] < two[0] < two[1] < three[0], "never two hosts at the same time"
    for name, lab in fleet.hosts.items():
        assert len(audit(lab)) > before[name], f"{name} says who changed it"
    assert fleet.report["ok"] is True, pretty(fleet.report["problems"])
