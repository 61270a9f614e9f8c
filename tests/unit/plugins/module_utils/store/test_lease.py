# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease with real processes: who wins, who was killed, who lost it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.leases import LeaseHeld, LeaseLost
from ansible_collections.corral.ollama.plugins.module_utils.core.ownership import plan_store
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import Heartbeat, LeaseFile
from ansible_collections.corral.ollama.plugins.module_utils.store.preparing import make_ready, read_directory

FORK = multiprocessing.get_context("fork")
ROUNDS = 50


class Clock:
    now = 1_800_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def paths(tmp_path):
    where = store_at(str(tmp_path / "models"))
    found = read_directory(where)
    make_ready(where, found, plan_store(found, "p", False).steps)
    return where


def _race(paths, me, barrier, answers):
    won = []
    for _round in range(ROUNDS):
        barrier.wait()
        try:
            lease, _old = LeaseFile(paths).acquire(me, "", 60)
            won.append(True)
        except LeaseHeld:
            lease = None
            won.append(False)
        barrier.wait()
        if lease:
            LeaseFile(paths).release(lease.token)
        barrier.wait()
    answers.put(won)


def test_of_two_exactly_one_wins_every_time(paths):
    barrier, answers = FORK.Barrier(2), FORK.Queue()
    racers = [FORK.Process(target=_race, args=(paths, name, barrier, answers)) for name in ("a", "b")]
    for racer in racers:
        racer.start()
    results = [answers.get(timeout=60), answers.get(timeout=60)]
    for racer in racers:
        racer.join()
    assert [one != other for one, other in zip(*results)] == [True] * ROUNDS


def _hold(paths, ready):
    lease, _old = LeaseFile(paths).acquire("victim", "7", 6)
    with Heartbeat(LeaseFile(paths), lease.token):
        ready.set()
        time.sleep(60)


def test_the_lease_of_a_killed_holder_is_renewed_until_the_kill_and_then_runs_out(paths):
    ready = FORK.Event()
    holder = FORK.Process(target=_hold, args=(paths, ready))
    holder.start()
    assert ready.wait(20)
    first = LeaseFile(paths).read()
    _until(lambda: LeaseFile(paths).read().renewed_at > first.renewed_at)
    with pytest.raises(LeaseHeld, match="held by victim"):
        LeaseFile(paths).acquire("next", "", 60)
    os.kill(holder.pid, signal.SIGKILL)
    holder.join()
    with pytest.raises(LeaseHeld):
        LeaseFile(paths).acquire("next", "", 60)
    _until(lambda: not LeaseFile(paths).read().live(time.time()))
    lease, old = LeaseFile(paths).acquire("next", "", 60)
    assert (lease.owner, old.owner, old.job) == ("next", "victim", "7")


def test_what_expires_is_lost_only_when_another_takes_it(paths):
    clock = Clock()
    file = LeaseFile(paths, clock)
    mine = file.acquire("me", "", 60)[0]
    file.require(mine.token)
    clock.now += 61
    with pytest.raises(LeaseLost, match="it expired"):
        file.require(mine.token)
    assert file.renew(mine.token, 60).expires_at == clock.now + 60
    clock.now += 61
    file.acquire("other", "", 60)
    for action in (lambda: file.renew(mine.token, 60), lambda: file.require(mine.token)):
        with pytest.raises(LeaseLost, match="held by other"):
            action()
    assert file.release(mine.token) is False
    assert file.read().owner == "other"


def test_a_task_that_comes_late_goes_on_with_what_nobody_took(paths):
    """Among many hosts a host may wait for its turn between the task that takes the lease and the one that needs it."""
    clock = Clock()
    file = LeaseFile(paths, clock)
    mine = file.acquire("me", "", 60)[0]
    clock.now += 3600
    with Heartbeat(file, mine.token), file.writing(mine.token) as lease:
        assert (lease.ttl, lease.expires_at) == (60, clock.now + 60)
    clock.now += 3600
    file.acquire("other", "", 60)
    with pytest.raises(LeaseLost, match="held by other"), Heartbeat(file, mine.token):
        raise AssertionError("not reached")


@pytest.mark.parametrize("token", ["", "wrong"])
def test_no_token_no_writing(paths, token):
    file = LeaseFile(paths)
    with pytest.raises(LeaseLost, match="nobody holds it"), file.writing(token):
        raise AssertionError("not reached")
    file.acquire("me", "", 60)
    with pytest.raises(LeaseLost, match="held by me"), file.writing(token):
        raise AssertionError("not reached")


def test_nobody_takes_over_while_a_change_is_written(paths):
    clock = Clock()
    file = LeaseFile(paths, clock)
    mine = file.acquire("me", "", 60)[0]
    order = []

    def take():
        clock.now += 61
        LeaseFile(paths, clock).acquire("other", "", 60)
        order.append("taken")

    import threading

    with file.writing(mine.token):
        other = threading.Thread(target=take)
        other.start()
        time.sleep(0.2)
        order.append("written")
    other.join()
    assert order == ["written", "taken"]


def _until(condition):
    """Waits for what another thread does: as long as a loaded machine may need, and no longer than it takes."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "not within a minute"
        time.sleep(0.02)


def test_the_heartbeat_says_when_the_lease_is_lost(paths):
    file = LeaseFile(paths)
    mine = file.acquire("me", "", 60)[0]
    with Heartbeat(file, mine.token, 1.5) as beat:
        first = file.read().renewed_at
        _until(lambda: file.read().renewed_at > first)
        beat.check()
        # under the guard: an unlink between the heartbeat's read and its write would bring the lease back
        assert file.release(mine.token)
        with pytest.raises(LeaseLost):
            _until(beat.check)


def test_the_heartbeat_outlives_a_full_disk(paths, monkeypatch):
    file = LeaseFile(paths)
    mine = file.acquire("me", "", 60)[0]
    real, failures = file._write, []

    def full(lease):
        if len(failures) < 2:
            failures.append(1)
            raise CorralError("full", kind="no_space")
        return real(lease)

    with Heartbeat(file, mine.token, 1.5) as beat:
        monkeypatch.setattr(file, "_write", full)
        first = file.read().renewed_at
        _until(lambda: file.read().renewed_at > first)
        beat.check()
        assert len(failures) == 2
