# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module migration: each phase predicted, reached, and reached again; and what it refuses to take for a record."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.corral.ollama.plugins.modules import migration
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.core.test_migration import STORE, box, found
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module


@pytest.fixture
def given(tmp_path):
    return {
        "path": str(tmp_path / "state" / "ollama" / "migration.json"),
        "found": found("a", "b"),
        "store_path": STORE["path"],
    }


def phase(given, name, **more):
    return {"path": given["path"], "phase": name, **more}


def on_disk(given):
    with open(given["path"], encoding="utf-8") as file:
        return json.load(file)


@pytest.mark.parametrize("way", ["merged verified reclaiming reclaimed", "merged verified rolling_back rolled_back"])
def test_each_phase_is_predicted_reached_and_kept(given, way):
    check, *_rest = four_runs(migration, {**given, "phase": "started"})
    assert check["migration"]["phase"] == "started"
    assert check["migration"]["writers"] == ["a", "b"]
    assert os.stat(given["path"]).st_mode & 0o777 == 0o600
    for name in way.split():
        merge = {"merge": {"models": ["m"]}} if name == "merged" else {}
        four_runs(migration, phase(given, name, **merge))
    assert on_disk(given)["phase"] == way.split()[-1]
    assert on_disk(given)["merge"] == {"models": ["m"]}
    assert list(on_disk(given)["since"]) == ["started", *way.split()]
    assert os.listdir(os.path.dirname(given["path"])) == ["migration.json"]


@pytest.mark.parametrize("check", [False, True])
def test_reading_changes_nothing(given, check):
    outcome = run_module(migration, given, check=check)
    assert (outcome.changed, outcome["migration"]["phase"], outcome["migration"]["todo"]) == (False, "", True)
    assert not os.path.exists(given["path"])
    without = run_module(migration, {"path": given["path"]}, check=check)
    assert (without["migration"]["phase"], without["migration"]["todo"]) == ("", False)


def test_what_was_stopped_meanwhile_is_restored_as_it_was(given):
    run_module(migration, {**given, "phase": "started"})
    given["found"]["containers"] = [box(name, running=False, restart_policy="no") for name in "ab"]
    outcome = run_module(migration, {**given, "phase": "started"})
    assert not outcome.changed
    assert [row["restart_policy"] for row in outcome["migration"]["containers"]] == ["always", "always"]
    assert [row["name"] for row in outcome["migration"]["ran"]] == ["a", "b"]


def test_everything_in_the_way_is_one_error(given):
    given["found"]["containers"] = [box("a", compose_project="ollama"), box("ollama-puller")]
    outcome = run_module(migration, given)
    assert outcome.kind == "same_project"
    assert "2 things are in the way" in outcome.msg
    assert run_module(migration, {**given, "found": {**found()}}).kind == "nothing_to_migrate"


def test_a_phase_out_of_turn_is_refused_and_says_what_to_run(given):
    outcome = run_module(migration, phase(given, "reclaiming"))
    assert (outcome.kind, outcome["error"]["expected"]) == ("migration_phase", ["verified", "reclaiming"])
    assert "Run the playbook migrate first." in outcome.msg


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema": 1, "phase": "verified"}', b"[" * 10000])
def test_a_damaged_record_is_never_taken_for_none(given, content):
    os.makedirs(os.path.dirname(given["path"]))
    with open(given["path"], "wb") as file:
        file.write(content)
    for args in (given, {**given, "phase": "started"}):
        outcome = run_module(migration, args)
        assert outcome.kind == "bad_migration"
        assert given["path"] in outcome.msg
    with open(given["path"], "rb") as file:
        assert file.read() == content


def test_a_record_that_is_a_link_or_a_pipe_is_not_followed(given, tmp_path):
    os.makedirs(os.path.dirname(given["path"]))
    os.mkfifo(given["path"])
    assert run_module(migration, given).kind == "not_a_file"
    os.unlink(given["path"])
    os.symlink(tmp_path / "elsewhere", given["path"])
    assert run_module(migration, {**given, "phase": "started"}).failed
    assert not (tmp_path / "elsewhere").exists()
