# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record under its lease: who holds it longer, who lost it, and that nothing is lost when many write at once."""

from __future__ import annotations

import multiprocessing

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import Member, Rollout
from ansible_collections.corral.ollama.plugins.module_utils.glue import rollout_file
from ansible_collections.corral.ollama.plugins.module_utils.glue.rollout_file import RolloutFile

NAMES = [f"s-{number}" for number in range(1, 9)]
FORK = multiprocessing.get_context("fork")


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def file(tmp_path, clock):
    file = RolloutFile(str(tmp_path / "state" / "rollout"), now=clock)
    file.acquire("alice", "41", 120, "t")
    file.begin("t", Rollout("r", "alice", "41", "", "", tuple(Member(name, "restart") for name in NAMES)))
    return file


def test_before_there_is_one(tmp_path):
    file = RolloutFile(str(tmp_path / "rollout"))
    assert file.read() is None
    assert (file.residents("s-1"), file.audit_tail(9)) == ((), [])
    for call in (lambda: file.mark("t", ["s-1"], "done"), lambda: file.begin("t", Rollout("r", "", "", "", "", ()))):
        with pytest.raises(CorralError) as caught:
            call()
        assert caught.value.kind == "rollout_not_begun"
        assert "corral.ollama.rollout" in str(caught.value)
    assert not (tmp_path / "rollout").exists()


def test_a_mark_renews_the_lease_also_one_that_expired_and_that_nobody_took(file, clock):
    clock.now += 1000
    file.mark("t", ["s-1"], "draining", residents=[{"name": "a:1"}])
    assert file.lease.read().expires_at == clock.now + 120
    assert file.residents("s-1") == ({"name": "a:1"},)
    clock.now += 1000
    with file.heartbeat("t") as heartbeat:
        heartbeat.check()
        assert file.lease.read().expires_at == clock.now + 120


def test_who_lost_the_lease_marks_nothing(file, clock):
    clock.now += 1000
    file.acquire("bob", "", 120, "other")
    before = file.read()
    for call in (lambda: file.mark("t", ["s-1"], "done"), lambda: file.begin("t", before)):
        with pytest.raises(CorralError) as caught:
            call()
        assert caught.value.kind == "lease_lost"
        assert "The lease of the rollout" in str(caught.value)
        assert "Run the playbook again" in str(caught.value)
    with pytest.raises(CorralError, match="held by bob"), file.heartbeat("t"):
        pass
    assert file.read() == before


def test_a_record_that_could_not_be_read_again_is_not_written(file):
    before = file.read()
    with pytest.raises(CorralError, match="could not be read again"):
        file.change("t", lambda found: Rollout(found.id, "two\nlines", "", "", "", found.members))
    assert file.read() == before


def test_the_log_gets_what_a_kill_kept_from_it(file, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(rollout_file, "audit_line", lambda _event: b"")
        file.mark("t", ["s-1"], "draining")
    assert [event["seq"] for event in file.audit_tail(9)] == []
    file.mark("t", ["s-1"], "drained")
    assert [(event["seq"], event["event"]) for event in file.audit_tail(9)] == [(1, "draining"), (2, "drained")]


def _writer(path, name):
    file = RolloutFile(path)
    for state in ("draining", "drained", "changing", "admitting", "done") * 3:
        file.mark("t", [name], state, in_flight=1)


def test_many_writers_lose_nothing(file):
    writers = [FORK.Process(target=_writer, args=(file.root, name)) for name in NAMES[:4]]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    assert [member.state for member in file.read().members] == ["done"] * 4 + ["planned"] * 4
    events = file.audit_tail(1000)
    assert [event["seq"] for event in events] == list(range(1, 61))
    assert file.audit_tail(3) == events[-3:]
