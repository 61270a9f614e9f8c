# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``rollout_info``: what it says about each instance, and that looking needs no record."""

from __future__ import annotations

import json
import threading

import pytest
from ansible_collections.corral.ollama.plugins.modules import rollout, rollout_info
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.rolled import SECRET, TOKEN, Host


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


def info(host, **more):
    return run_module(rollout_info, {"path": str(host.path), **more})


def test_there_is_none(host):
    found = info(host, audit_lines=5)
    assert not found.failed, found.msg
    empty = {
        "rollout": {},
        "unfinished": False,
        "in_doubt": [],
        "lease": {},
        "sentences": [],
        "report": "",
        "audit": [],
    }
    assert {key: found[key] for key in empty} == empty
    assert not host.path.exists()


def test_one_that_was_interrupted(host):
    host.begun("s-1", "s-2", "s-3")
    host.mark("done", "s-1")
    host.mark("draining", "s-2", residents=[{"name": "a:1", "size_vram": 1}])
    host.mark("changing", "s-2", source="desired")
    found = info(host, audit_lines=2)
    assert (found.changed, found["unfinished"]) == (False, True)
    assert found["in_doubt"] == [{"name": "s-2", "state": "changing", "kind": "recreate"}]
    assert found["rollout"]["instances"]["s-2"]["residents"] == [{"name": "a:1", "size_vram": 1}]
    assert (found["lease"]["owner"], found["lease"]["live"]) == ("alice", True)
    assert [line.split(" (since")[0] for line in found["sentences"][1:]] == [
        "s-1 is done and serves",
        "s-2 was being changed",
        "s-3 was not touched.",
    ]
    assert found["report"] == "Changed and serving: s-1. Not touched: s-3. Out of service: s-2."
    assert [(event["event"], event["instances"]) for event in found["audit"]] == [
        ("draining", ["s-2"]),
        ("changing", ["s-2"]),
    ]
    assert SECRET not in json.dumps(found.result)
    host.expire()
    assert not info(host)["lease"]["live"]


def test_one_that_is_over(host):
    host.begun("s-1")
    host.mark("done", "s-1")
    run_module(rollout, host.end(why="all well"))
    found = info(host, audit_lines=1)
    assert (found["unfinished"], found["in_doubt"], found["lease"]) == (False, [], {})
    assert found["sentences"][0].endswith("as done: all well.")
    assert found["audit"][0]["states"] == {"s-1": "done"}


def test_a_log_that_was_torn_or_rotated_away_is_gone_on_with(host):
    host.begun("s-1", "s-2")
    host.audit.write_bytes(host.audit.read_bytes() + b'{"event": "torn')
    host.mark("done", "s-1")
    assert [event["event"] for event in info(host, audit_lines=10)["audit"]] == ["begun", "done"]
    host.audit.unlink()
    host.mark("done", "s-2")
    assert [event["event"] for event in info(host, audit_lines=10)["audit"]] == ["done", "done"]


@pytest.mark.parametrize("more", [{"audit_lines": -1}, {"audit_lines": 1001}, {"path": "rel"}, {"audit_path": "rel"}])
def test_bad_input(host, more):
    assert info(host, **more).kind == "bad_input"


def test_what_is_no_record_is_said(host):
    host.begun("s-1")
    (host.path / "rollout.json").write_text("{")
    assert info(host).kind == "bad_rollout"
    assert host.file.lease.read().token == TOKEN


def test_waiting_until_nobody_works_on_it(host):
    host.begun("s-1")
    host.mark("done", "s-1")
    timer = threading.Timer(0.5, lambda: run_module(rollout, host.end()))
    timer.start()
    found = info(host, wait=60)
    timer.join()
    assert (found["unfinished"], found["lease"]) == (False, {})


def test_waiting_in_vain_says_who_works_on_it(host):
    host.begun("s-1")
    found = info(host, wait=1)
    assert (found.failed, found["lease"]["live"], found["unfinished"]) == (False, True, True)
    assert info(host, wait=-1)["lease"]["live"]
