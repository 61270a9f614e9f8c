# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the record of a migration, one row each: what is to do, what is in the way, what may be removed."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.migration import Record
from ansible_collections.corral.ollama.plugins.module_utils.core.migration_view import (
    Fleet,
    obstacles,
    parked,
    todo,
    view,
)
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.core.test_migration import (
    STORE,
    box,
    found,
    record,
    tree,
)

FLEET = Fleet("ollama", 8, "ollama_models")


def problem(kind, **facts):
    row = {"kind": kind, "message": f"{kind} here.", "remedy": "Do.", "container": "", "volume": "", "path": ""}
    return {**row, **facts}


STOPPED = {"containers": [box("a", running=False)], "trees": [tree("a")], "problems": []}


@pytest.mark.parametrize(
    ("old", "seen", "expected"),
    [
        (None, found(), False),
        (None, found("a"), True),
        (record("rolled_back", "a"), found("a"), True),
        (record("rolled_back", "a"), found(), False),
        (record("started", "a"), found(), True),
        (record("merged", "a"), STOPPED, False),
        (record("merged", "a"), found("a"), True),
        (record("rolling_back", "a"), STOPPED, True),
        (record("verified", "a"), STOPPED, False),
        (record("verified", "a"), found("a"), True),
        (record("verified", "a"), found("a", "b"), True),
        (record("verified", "a"), {**STOPPED, "trees": [tree("b")]}, True),
        (record("reclaiming", "a"), found("a"), False),
        (record("reclaimed", "a"), found(), False),
        (record("reclaimed", "a"), found("b"), True),
    ],
)
def test_whether_there_is_something_to_do(old, seen, expected):
    assert todo(old, seen) is expected


@pytest.mark.parametrize(
    ("old", "seen", "kinds"),
    [
        (None, found("a"), []),
        (None, found(), ["nothing_to_migrate"]),
        (record("rolled_back", "a"), found(), ["nothing_to_migrate"]),
        (record("verified", "a"), found(), []),
        (record("reclaimed", "a"), found(), []),
        (None, {**found(), "containers": [box("a", compose_project="ollama")]}, ["same_project"]),
        (None, found("ollama-ollama-server-8"), ["container_name"]),
        (None, found("ollama-ollama-server-9"), []),
        (None, found("ollama-puller"), ["container_name"]),
        (None, found("a", trees=[tree("ollama_data_8")]), ["data_volume"]),
        (None, found("a", trees=[tree("ollama_models", in_place=True)]), []),
        (None, found("a", problems=[problem("other_writers")]), ["other_writers"]),
        (None, found(problems=[problem("container_missing", container="a")]), ["container_missing"]),
        (record("reclaimed", "a"), found("b", problems=[problem("container_missing", container="a")]), []),
        (record("reclaimed", "a"), found("b", problems=[problem("volume_missing", volume="a")]), []),
        (
            record("reclaimed", "a"),
            found("b", problems=[problem("volume_missing", volume="c"), problem("own_layer", container="a")]),
            ["volume_missing", "own_layer"],
        ),
        (record("verified", "a"), {**STOPPED, "problems": [problem("other_writers")]}, []),
        (
            Record("other", "started", {}, STORE),
            found("a", "ollama-puller"),
            ["other_project", "container_name"],
        ),
    ],
)
def test_what_is_in_the_way(old, seen, kinds):
    listed = obstacles(old, seen, FLEET)
    assert [one.kind for one in listed] == kinds
    assert all(one.message and one.remedy for one in listed)


def test_containers_that_were_stopped_leave_their_ports():
    assert [parked(record(phase, "a")) for phase in ("started", "merged", "verified", "reclaiming")] == [("a",)] * 4
    assert [parked(record(phase, "a")) for phase in ("rolling_back", "rolled_back", "reclaimed")] == [()] * 3
    assert parked(None) == ()


def test_only_what_was_the_old_containers_own_may_be_removed():
    trees = (
        tree("a"),
        tree("shared", path="/docker/shared/_data", in_place=True),
        tree("ollama_models"),
        tree("srv", volume="", path="/srv/llm"),
    )
    seen = view(Record("ollama", "verified", {}, STORE, (box("a"),), trees))
    assert seen["volumes"] == ["a"]
    assert seen["directories"] == ["/srv/llm/blobs", "/srv/llm/manifests"]
    assert [one["name"] for one in seen["sources"]] == ["a", "shared", "ollama_models", "srv"]


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({}, "http://127.0.0.1:11434"),
        ({"ports": [{"container_port": "11434/tcp", "host_ip": "10.0.0.1", "host_port": 80}]}, "http://10.0.0.1:80"),
        ({"ports": [{"container_port": "11434/tcp", "host_ip": "::", "host_port": 80}]}, "http://127.0.0.1:80"),
        ({"ports": []}, ""),
        ({"env": {"OLLAMA_HOST": "0.0.0.0:8080"}}, ""),
        (
            {
                "env": {"OLLAMA_HOST": "0.0.0.0:8080"},
                "ports": [{"container_port": "8080/tcp", "host_ip": "", "host_port": 81}],
            },
            "http://127.0.0.1:81",
        ),
    ],
)
def test_where_a_container_answers(changes, url):
    seen = view(Record("ollama", "started", {}, STORE, (box("a", **changes), box("b", running=False))))
    assert seen["ran"] == [{"name": "a", "url": url}]
    assert seen["writers"] == ["a", "b"]
