# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``rollout``: twelve steps, what an interrupted run leaves to the next, and what the second one is told."""

from __future__ import annotations

import json
import os
import stat
import threading

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.project_file import image_of
from ansible_collections.corral.ollama.plugins.module_utils.core.project_yaml import parse_project
from ansible_collections.corral.ollama.plugins.modules import rollout
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.rolled import PROJECT, SECRET, TOKEN, Host, instance, order


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def test_begin_go_on_end(host):
    check, real, again = four_runs(rollout, host.begin("s-1", "s-2", "s-3"))[:3]
    assert order(check) == order(real) == order(again) == "*s-1 s-2 s-3"
    assert check["sentences"] == real["sentences"]
    assert check["sentences"][0] == "1. s-1 (recreate: environment), the canary"
    assert (real["token"], real["resumed"], real["rollout"]["max_unavailable"]) == (TOKEN, False, 1)
    assert host.events() == ["begun"]

    host.mark("done", "s-1")
    host.expire()
    later = host.begin("s-2", "s-3", token="other", owner="bob")
    resumed = four_runs(rollout, later)[1]
    assert (resumed["resumed"], order(resumed), resumed["rollout"]["owner"]) == (True, "s-2 s-3", "bob")
    assert "held by alice (job 41" in resumed["warnings"][0]
    assert "the rollout" in resumed["sentences"][0]
    assert resumed["report"] == "Changed and serving: s-1. Not touched: s-2, s-3."

    host.file.mark("other", ["s-2", "s-3"], "done")
    ended = four_runs(rollout, host.end(token="other"))[1]
    assert (ended["rollout"]["verdict"], ended["report"]) == ("done", "Changed and serving: s-1, s-2, s-3.")
    assert host.file.lease.read() is None
    assert host.events() == ["begun", "done", "resumed", "done", "ended"]


def test_with_nothing_to_do_nothing_is_written(host):
    for check in (True, False):
        outcome = run_module(rollout, host.begin(), check=check)
        assert (outcome.changed, outcome["token"], outcome["batches"], outcome["rollout"]) == (False, "", [], {})
    assert not host.path.exists()
    assert not run_module(rollout, host.end(token="")).changed
    assert not run_module(rollout, host.end()).changed


def test_check_mode_writes_nothing(host):
    outcome = run_module(rollout, host.begin("s-1", token=""), check=True)
    assert (outcome.changed, outcome["token"], order(outcome)) == (True, "", "s-1")
    assert not host.path.exists()


def test_everything_is_for_root_alone(host):
    os.umask(0o022)
    host.begun("s-1")
    for path in (host.path.parent, host.path, host.path / ".corral", host.path / ".corral" / "tmp"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    for path in (host.path / "rollout.json", host.audit):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    os.chmod(host.path, 0o755)
    host.begun("s-1", "s-2")
    assert stat.S_IMODE(host.path.stat().st_mode) == 0o700


def test_the_old_project_file_is_kept_and_not_told(host):
    outcome = host.begun("s-1")
    record = host.file.read()
    assert record.before == PROJECT
    assert SECRET not in json.dumps(outcome.result) + host.audit.read_text()


def test_what_was_left_in_doubt_comes_first_and_goes_back_to_what_it_was(host):
    host.begun("s-1", "s-2", "s-3", max_unavailable="2")
    host.mark("done", "s-1")
    host.mark("changing", "s-2", source="desired")
    host.project.write_text(PROJECT.replace("a:1", "b:2"))
    host.expire()
    moved = [instance(f"s-{number}", image_id="b" * 64) for number in (1, 2, 3)]
    outcome = host.begun("s-3", goal="another", token="other", instances=moved)
    assert (order(outcome), outcome["resumed"]) == ("s-2? s-3", False)
    assert outcome["batches"][0][0]["kind"] == "admit"
    record = host.file.read()
    assert (record.member("s-2").image_id, record.member("s-3").image_id) == ("a" * 64, "b" * 64)
    before = parse_project(record.before, "before")
    assert [image_of(before, name) for name in ("s-1", "s-2", "s-3")] == ["b:2", "a:1", "b:2"]
    assert host.events()[-1] == "begun"


def test_back(host):
    host.begun("s-1", "s-2", "s-3")
    host.mark("done", "s-1")
    host.mark("failed", "s-2", why="it generates nothing")
    run_module(rollout, host.end(verdict="failed", why="s-2 failed"))
    way = host.begin(direction="back", goal="", changes=[])
    outcome = four_runs(rollout, way)[1]
    assert (order(outcome), outcome["rollout"]["direction"]) == ("s-2? s-1", "back")
    assert {row["kind"] for batch in outcome["batches"] for row in batch} == {"recreate"}
    assert host.file.read().before == PROJECT
    host.mark("done", "s-1", "s-2")
    assert host.states() == {"s-1": "rolled_back", "s-2": "rolled_back", "s-3": "planned"}
    ended = four_runs(rollout, host.end())[1]
    assert ended["rollout"]["verdict"] == "rolled_back"
    nothing = run_module(rollout, way)
    assert (nothing.changed, nothing["batches"], nothing["token"]) == (False, [], "")


def test_what_the_rollout_made_new_is_removed_on_the_way_back(host):
    host.begun("s-1", "s-4")
    host.mark("done", "s-1", "s-4")
    outcome = host.begun(direction="back")
    assert [(row["name"], row["kind"]) for batch in outcome["batches"] for row in batch] == [
        ("s-4", "remove"),
        ("s-1", "recreate"),
    ]


def test_there_is_no_way_back_without_a_record(host):
    outcome = run_module(rollout, host.begin(direction="back"))
    assert outcome.kind == "rollout_none"
    assert "corral.ollama.deploy" in outcome.msg


def test_the_second_one_is_told_who_has_it(host):
    host.begun("s-1")
    for check in (True, False):
        outcome = run_module(rollout, host.begin("s-2", token="other", owner="bob"), check=check)
        assert outcome.kind == "lease_held"
        for part in ("The lease of the rollout", str(host.path), "held by alice", "job 41", "takes it over"):
            assert part in outcome.msg
    assert host.states() == {"s-1": "planned"}


def test_waiting_for_one_that_has_died(host):
    host.begun("s-1", "s-2")
    timer = threading.Timer(0.5, host.expire)
    timer.start()
    outcome = run_module(rollout, host.begin("s-1", "s-2", token="other", wait=20))
    timer.join()
    assert (outcome.failed, outcome.result.get("resumed")) == (False, True), outcome.msg


def test_waiting_for_one_that_changed_something_ends_here(host):
    host.begun("s-1", "s-2")
    timer = threading.Timer(0.5, lambda: (host.mark("done", "s-1", "s-2"), host.file.lease.release(TOKEN)))
    timer.start()
    outcome = run_module(rollout, host.begin("s-3", token="other", wait=20))
    timer.join()
    assert outcome.kind == "rollout_stale"
    assert "of alice" in outcome.msg
    assert host.file.lease.read() is None, "nobody has to wait for a rollout that did not begin"


def test_waiting_in_vain(host):
    host.begun("s-1")
    assert run_module(rollout, host.begin("s-1", token="other", wait=1)).kind == "lease_held"
