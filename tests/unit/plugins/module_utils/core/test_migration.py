# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a migration, one row each: which phase may follow which, what is kept, what is in the way."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core import migration
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.migration import Record, begun, parse_record, reached

STORE = {"volume": "ollama_models", "path": "/docker/ollama_models/_data"}
WHERE = "/var/lib/corral/ollama/migration.json"


def box(name, **changes):
    row = {
        "name": name,
        "id": f"id-of-{name}",
        "compose_project": "tsa",
        "running": True,
        "restart_policy": "always",
        "restart_retries": 0,
        "ports": [{"container_port": "11434/tcp", "host_ip": "0.0.0.0", "host_port": 11434}],
        "env": {},
    }
    return {**row, **changes}


def tree(name, **changes):
    row = {"name": name, "path": f"/docker/{name}/_data/models", "volume": name, "containers": [name]}
    return {**row, "in_place": False, **changes}


def found(*names, problems=(), trees=None):
    return {
        "containers": [box(name) for name in names],
        "trees": [tree(name) for name in names] if trees is None else trees,
        "problems": list(problems),
    }


def record(phase, *names):
    return Record("ollama", phase, {phase: "then"}, STORE, (*map(box, names),), (*map(tree, names),), {"models": []})


PHASES = ("", *migration.PHASES)
FOLLOWS = {
    "started": "started merged rolling_back",
    "merged": "started merged verified rolling_back",
    "verified": "started verified rolling_back reclaiming",
    "rolling_back": "started rolling_back rolled_back",
    "rolled_back": "started rolled_back",
    "reclaiming": "reclaiming reclaimed",
    "reclaimed": "started reclaimed",
    "": "started",
}


@pytest.mark.parametrize("phase", migration.PHASES)
@pytest.mark.parametrize("before", PHASES)
def test_which_phase_may_follow_which(before, phase):
    old = record(before, "a") if before else None
    if phase in FOLLOWS[before].split():
        migration.require_way(old, phase, WHERE)
        return
    with pytest.raises(CorralError) as error:
        migration.require_way(old, phase, WHERE)
    assert error.value.kind == "migration_phase"
    assert error.value.remedy
    assert WHERE in str(error.value)


def test_after_the_old_layout_is_touched_there_is_no_way_back():
    for phase in ("reclaiming", "reclaimed"):
        with pytest.raises(CorralError, match="cannot become rolling back"):
            migration.require_way(record(phase, "a"), "rolling_back", WHERE)


def test_what_a_container_was_is_noted_once():
    first = begun(None, found("a", "b"), "ollama", STORE, "now")
    stopped = {**found("a", "b"), "containers": [box(n, running=False, restart_policy="no") for n in "ab"]}
    assert begun(first, stopped, "ollama", STORE, "later") == first
    for phase in ("merged", "verified", "rolling_back"):
        again = begun(reached(first, phase, "then"), stopped, "ollama", STORE, "later")
        assert again.containers == first.containers
        assert (again.phase, again.since) == ("started", {"started": "later"})
    for phase in ("rolled_back", "reclaimed"):
        anew = begun(reached(first, phase, "then"), stopped, "ollama", STORE, "later")
        assert [row["restart_policy"] for row in anew.containers] == ["no", "no"]


def test_what_is_new_is_added_and_what_was_made_anew_counts_as_it_is():
    first = begun(None, found("a", "b"), "ollama", STORE, "now")
    renewed = box("b", id="another", restart_policy="no")
    more = {"containers": [renewed, box("c")], "trees": [tree("a", path="/elsewhere"), tree("b", containers=["x"])]}
    second = begun(first, more, "ollama", STORE, "later")
    assert [(row["name"], row["id"]) for row in second.containers] == [
        ("a", "id-of-a"),
        ("b", "another"),
        ("c", "id-of-c"),
    ]
    trees = [(row["name"], row["containers"]) for row in second.trees]
    assert trees == [("a", ["a"]), ("b", ["b", "x"]), ("a'", ["a"])]


def test_the_record_survives_being_written():
    whole = reached(begun(None, found("a"), "ollama", STORE, "now"), "merged", "later", {"models": [{"name": "m"}]})
    assert parse_record(whole.as_bytes()) == whole
    assert reached(whole, "merged", "much later") == whole


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: None,
        lambda document: [],
        lambda document: {**document, "schema": 2},
        lambda document: {**document, "phase": "begun"},
        lambda document: {**document, "project": 5},
        lambda document: {**document, "store": {"volume": "v"}},
        lambda document: {**document, "merge": []},
        lambda document: {**document, "since": None},
        lambda document: {**document, "containers": "a"},
        lambda document: {**document, "containers": [{"name": "a"}]},
        lambda document: {**document, "trees": [{**tree("a"), "path": 7}]},
    ],
)
def test_anything_else_is_no_record(damage):
    document = record("merged", "a").as_dict()
    assert parse_record(json.dumps(document).encode()) is not None
    assert parse_record(json.dumps(damage(document)).encode()) is None
    assert parse_record(b"{" * 100000) is None
