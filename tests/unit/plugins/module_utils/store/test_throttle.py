# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The throttle, on a clock of its own."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store import idle
from ansible_collections.corral.ollama.plugins.module_utils.store.hashing import Cancelled
from ansible_collections.corral.ollama.plugins.module_utils.store.throttle import Limits, Throttle

MB = 1_000_000


class World:
    """Time goes by only while somebody sleeps; the load is a function of it."""

    def __init__(self, load=lambda _now: 0.0, **limits):
        self.now, self.looks = 0.0, 0
        self.load = load
        self.throttle = Throttle(Limits(**limits), lambda: self.now, self.sleep, self.look)

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds

    def look(self):
        self.looks += 1
        return self.load(self.now)


def test_without_limits_nothing_is_waited_for():
    world = World()
    for _unused in range(1000):
        assert world.throttle.may_begin()
        world.throttle.passed(MB)
    assert (world.now, world.throttle.bytes, world.throttle.stopped_by) == (0.0, 1000 * MB, "")


@pytest.mark.parametrize("piece", [1, MB // 10, 4 * MB])
def test_the_rate_is_held(piece):
    world = World(bytes_per_second=MB)
    count = max(8 * MB // piece // (100 if piece == 1 else 1), 2)
    for _unused in range(min(count, 4000)):
        world.throttle.passed(piece)
    assert world.throttle.bytes / MB - 1 <= world.now <= world.throttle.bytes / MB + 1


def test_after_a_pause_little_is_made_up_for():
    world = World(bytes_per_second=MB)
    world.throttle.passed(MB)
    world.now += 3600
    began = world.now
    for _unused in range(10):
        world.throttle.passed(MB)
    assert world.now - began >= 8.9


@pytest.mark.parametrize(("rate", "piece"), [(0, 4 << 20), (1, 256 << 10), (8 << 20, 1 << 20), (10**12, 4 << 20)])
def test_pieces_become_small_with_the_rate(rate, piece):
    assert World(bytes_per_second=rate).throttle.piece(4 << 20) == piece


def test_no_file_is_begun_after_the_time_but_what_was_begun_is_read():
    world = World(max_seconds=10, bytes_per_second=MB)
    assert world.throttle.may_begin()
    world.throttle.passed(25 * MB)
    assert world.now >= 24
    assert not world.throttle.may_begin()
    assert world.throttle.stopped_by == "max_seconds"


def test_it_pauses_while_the_load_is_high_and_goes_on():
    world = World(lambda now: 9.0 if now < 33 else 1.0, max_load=4)
    assert world.throttle.may_begin()
    assert 33 <= world.now <= 33 + 5.25
    assert world.looks <= 9
    assert (world.throttle.note, world.throttle.stopped_by) == ("", "")


def test_the_load_is_looked_at_in_the_middle_of_a_file():
    world = World(lambda now: 9.0 if 20 < now < 60 else 1.0, max_load=4, bytes_per_second=MB)
    assert world.throttle.may_begin()
    for _unused in range(30):
        world.throttle.passed(MB)
    assert 60 <= world.now <= 80


def test_a_load_that_stays_high_ends_it():
    world = World(lambda _now: 9.0, max_load=4, load_wait=100)
    assert not world.throttle.may_begin()
    assert 100 <= world.now <= 106
    assert world.throttle.stopped_by == "max_load"
    assert "the load is 9.0, above 4" in world.throttle.note
    with pytest.raises(Cancelled):
        world.throttle.passed(1)


def test_time_ends_a_wait_for_the_load():
    world = World(lambda _now: 9.0, max_load=4, max_seconds=30)
    assert not world.throttle.may_begin()
    assert 30 <= world.now <= 31
    assert world.throttle.stopped_by == "max_seconds"


def test_whoever_waits_can_be_woken():
    world = World(bytes_per_second=1)
    world.throttle.give_up()
    with pytest.raises(Cancelled):
        world.throttle.passed(10**9)
    assert not world.throttle.may_begin()
    assert world.now == 0.0


def in_a_thread(*asked):
    import os
    import threading

    said = []

    def work():
        said.append(idle.be_idle(*asked))
        said.append(os.getpriority(os.PRIO_PROCESS, 0))

    before = os.getpriority(os.PRIO_PROCESS, 0)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert os.getpriority(os.PRIO_PROCESS, 0) == before, "only the thread that reads gives way"
    return said


def test_a_thread_gives_way():
    assert in_a_thread(True, 7) == ["", 7]
    assert in_a_thread(False, 0)[0] == ""


def test_a_refusal_is_told(monkeypatch):
    monkeypatch.setattr(idle.platform, "machine", lambda: "pdp11")
    said, _nice = in_a_thread(True, 0)
    assert "refuses the idle I/O class (its number is not known on pdp11)" in said
    assert "bytes_per_second" in said


def test_a_refusal_of_the_kernel_is_told(monkeypatch):
    monkeypatch.setattr(idle, "_IDLE_CLASS", 7 << 13)
    assert "(Invalid argument)" in in_a_thread(True, 0)[0]
