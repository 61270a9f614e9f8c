# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed before every single change that a rollout makes to the disk: the record can be read and tells the truth or
something earlier, the log says nothing that did not happen and lacks nothing in the end, and the next run goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.modules import project_file, rollout
from ansible_collections.corral.ollama.tests.killed.killing import WRITES, killed_before
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.rolled import PROJECT, TOKEN, WANTED, Host

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


def changed(host: Host) -> dict[str, Any]:
    return {
        "path": str(host.project),
        "definition": WANTED,
        "services": ["s-1"],
        "rollout_path": str(host.path),
        "token": TOKEN,
    }


def fresh(tmp_path: Path, name: str) -> Host:
    (tmp_path / name).mkdir()
    return Host(tmp_path / name)


def logged(host: Host) -> list[tuple[int, str]]:
    return [(event["seq"], event["event"]) for event in host.file.audit_tail(1000)]


def test_a_beginning(tmp_path):
    number, through = 0, False
    while not through:
        number += 1
        host = fresh(tmp_path, str(number))
        through = killed_before(number, rollout, host.begin("s-1", "s-2"), WRITES)
        record = host.file.read()
        assert record is None or host.states() == {"s-1": "planned", "s-2": "planned"}
        assert record is None or record.before == PROJECT
        assert logged(host) in ([], [(1, "begun")])
        assert record is not None or logged(host) == []
        again = run_module(rollout, host.begin("s-1", "s-2"))
        assert not again.failed, again.msg
        host.mark("done", "s-1", "s-2")
        assert host.events()[-1] == "done"
        assert host.events().count("begun") == 1
        assert list((host.path / ".corral" / "tmp").iterdir()) == [] or not through
    assert number > 15


def test_what_a_killed_writer_left_is_swept_by_the_next_rollout(tmp_path):
    host = fresh(tmp_path, "host")
    host.begun("s-1")
    (host.path / ".corral" / "tmp" / "tmpabc").write_text("half a record")
    host.begun("s-1", "s-2")
    assert list((host.path / ".corral" / "tmp").iterdir()) == []


def test_a_change_of_the_project_file(tmp_path):
    number, through, seen = 0, False, []
    while not through:
        number += 1
        host = fresh(tmp_path, str(number))
        host.begun("s-1", "s-2")
        host.mark("drained", "s-1")
        through = killed_before(number, project_file, changed(host), WRITES)
        state, text = host.states()["s-1"], host.project.read_text()
        seen.append((state, text == PROJECT))
        # never the new definition in the file of an instance that the record calls drained
        assert (state, text == PROJECT) in (("drained", True), ("changing", True), ("changing", False))
        events = logged(host)
        assert events[:2] == [(1, "begun"), (2, "drained")]
        assert set(events[2:]) <= {(3, "changing")}
        assert state == "changing" or events[2:] == []
        again = run_module(project_file, changed(host))
        assert not again.failed, again.msg
        assert not run_module(project_file, changed(host)).changed
        host.mark("done", "s-1")
        assert [event for _seq, event in logged(host)] == ["begun", "drained", "changing", "done"]
    assert len(set(seen)) == 3
    assert number > 8


def test_an_end(tmp_path):
    number, through = 0, False
    while not through:
        number += 1
        host = fresh(tmp_path, str(number))
        host.begun("s-1")
        host.mark("done", "s-1")
        through = killed_before(number, rollout, host.end(), WRITES)
        record = host.file.read()
        assert record is not None
        assert host.states() == {"s-1": "done"}
        if host.file.lease.read():
            host.expire()
        later = run_module(rollout, host.begin("s-2", goal="another", token="other"))
        assert (later.failed, later["resumed"]) == (False, False)
        expected = ["begun", "done", *(["ended"] if record.ended_at else []), "begun"]
        assert host.events() == expected
    assert number > 5


def test_a_resumed_one(tmp_path):
    """Killed while it takes over from one that was killed."""
    number, through = 0, False
    while not through:
        number += 1
        host = fresh(tmp_path, str(number))
        host.begun("s-1", "s-2")
        host.mark("changing", "s-1", source="desired")
        host.expire()
        through = killed_before(number, rollout, host.begin("s-1", "s-2", token="b", owner="bob"), WRITES)
        assert host.states() == {"s-1": "changing", "s-2": "planned"}
        lease = host.file.lease.read()
        assert lease is not None
        third = run_module(rollout, host.begin("s-1", "s-2", token="c", wait=0))
        assert third.kind == ("lease_held" if lease.token == "b" else "")
        if third.failed:
            host.expire()
            third = run_module(rollout, host.begin("s-1", "s-2", token="c"))
        assert (third["resumed"], third["batches"][0][0]["name"]) == (True, "s-1")
        assert json.loads((host.path / "rollout.json").read_text())["before"] == PROJECT
    assert number > 8
