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
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import parse_rollout
from ansible_collections.corral.ollama.plugins.modules import rollout
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.rolled import PROJECT, SECRET, TOKEN, Host, change, instance, order


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
    run_module(rollout, host.end(verdict="failed", message="s-2 failed"))
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


def test_no_further_one_goes_when_too_many_are_out(host):
    down = [instance("s-1"), instance("s-2"), instance("s-3", "exited")]
    for check in (True, False):
        outcome = run_module(rollout, host.begin("s-1", "s-2", instances=down), check=check)
        assert outcome.kind == "too_many_out"
    assert not host.path.exists()
    assert order(host.begun("s-1", "s-3", instances=down)) == "s-3 s-1"


def test_a_share_is_of_all_instances(host):
    many = [instance(f"s-{number}") for number in range(1, 9)]
    outcome = host.begun("s-1", "s-2", "s-3", "s-4", instances=many, max_unavailable="25%", canary=0)
    assert (order(outcome), outcome["rollout"]["max_unavailable"]) == ("s-1,s-2 s-3,s-4", 2)


def test_not_done_is_not_done(host):
    host.begun("s-1")
    host.mark("drained", "s-1")
    outcome = run_module(rollout, host.end())
    assert outcome.kind == "rollout_unfinished"
    assert "s-1 was drained and not changed yet" in outcome.msg
    assert run_module(rollout, host.end(verdict="paused", message="lunch")).changed
    assert host.file.read().unfinished


def test_who_lost_the_lease_closes_nothing(host):
    host.begun("s-1")
    host.expire()
    host.begun("s-1", token="other", owner="bob")
    outcome = run_module(rollout, host.end(verdict="failed"))
    assert (outcome.failed, outcome.changed) == (False, False)
    assert "left open" in outcome["warnings"][0]
    assert host.file.read().ended_at == ""
    assert host.file.lease.read().owner == "bob"


def test_without_a_token_a_new_one_is_made(host):
    first = host.begun("s-1", token="")
    assert len(first["token"]) == 32
    assert run_module(rollout, host.begin("s-1", token="")).kind == "lease_held"


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 1}', b"\xff", b"[" * 100_000])
def test_a_record_that_is_none_is_not_guessed_at(host, content):
    host.begun("s-1")
    (host.path / "rollout.json").write_bytes(content)
    for given in (host.begin("s-1"), host.end()):
        outcome = run_module(rollout, given)
        assert outcome.kind == "bad_rollout"
        assert str(host.path / "rollout.json") in outcome.msg


@pytest.mark.parametrize("name", ["rollout.json", ".corral", ".corral/tmp"])
def test_links_are_not_followed(host, tmp_path, name):
    host.begun("s-1")
    (host.path / name).rename(tmp_path / "elsewhere")
    (host.path / name).symlink_to(tmp_path / "elsewhere")
    assert run_module(rollout, host.begin("s-1", "s-2")).kind in ("not_a_file", "not_a_directory")


def test_a_log_that_is_no_file_is_not_written_to(host):
    host.begun("s-1")
    host.audit.unlink()
    os.mkfifo(host.audit)
    assert run_module(rollout, host.end(verdict="failed")).failed
    assert parse_rollout((host.path / "rollout.json").read_bytes()) is not None


def test_a_project_file_that_is_none_ends_it_before_anything_is_drained(host):
    host.project.write_text(f"services: [{SECRET}")
    outcome = run_module(rollout, host.begin("s-1"))
    assert outcome.kind == "bad_project_file"
    assert SECRET not in json.dumps(outcome.result["error"]) + outcome.msg
    assert not host.path.exists()


BAD = [
    {"max_unavailable": "0"},
    {"max_unavailable": "many"},
    {"max_failure_ratio": 1.5},
    {"max_failure_ratio": -0.5},
    {"batch": -1},
    {"canary": -1},
    {"ttl": 5},
    {"wait": -1},
    {"owner": ""},
    {"job": "a\nb"},
    {"path": "rel"},
    {"audit_path": "rel"},
    {"changes": [change("s-1; disable server x")]},
    {"changes": [change("s-1"), change("s-1")]},
    {"instances": [{"name": "s-1", "state": "running", "image_digest": "latest"}]},
]


@pytest.mark.parametrize("more", BAD, ids=str)
def test_bad_input(host, more):
    outcome = run_module(rollout, {**host.begin("s-1"), **more})
    assert outcome.failed
    assert outcome.kind in ("bad_input", "bad_digest")
