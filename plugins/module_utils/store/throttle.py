# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding back: so many bytes a second, not while the host is busy, and not for longer than was asked for.

All reading threads share one throttle. It is asked before each file, and told of every piece that was read.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from .hashing import SMALLEST_WINDOW, Cancelled

MAX_SECONDS, MAX_LOAD = "max_seconds", "max_load"
#: Seconds between two looks at the load average, which the kernel itself renews every five.
LOOK = 5.0
_NAP = 0.25
_PAGE = mmap.PAGESIZE
#: After a pause no more than this is made up for: the rate is a limit for the disk, not for the average.
_BURST = 1.0


@dataclass(frozen=True)
class Limits:
    """0 is no limit. ``load_wait``: seconds for which the load may stay above ``max_load`` before it is given up."""

    bytes_per_second: int = 0
    max_seconds: float = 0.0
    max_load: float = 0.0
    load_wait: float = 600.0


def load_now() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


class Throttle:
    """``stopped_by`` names the limit that ended the work, ``note`` says what it waits for now."""

    def __init__(
        self,
        limits: Limits,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        load: Callable[[], float] = load_now,
    ) -> None:
        self._limits, self._clock, self._sleep, self._load = limits, clock, sleep, load
        self._lock = threading.Lock()
        self._end = clock() + limits.max_seconds
        self._free_at = clock()
        self._looked_at = float("-inf")
        self._busy_since: float | None = None
        self._given_up = False
        self.bytes = 0
        self.stopped_by = self.note = ""

    def piece(self, window: int) -> int:
        """The buffer of a thread: small enough that a slow rate is no sequence of long pauses."""
        rate = self._limits.bytes_per_second
        return max(SMALLEST_WINDOW, min(window, rate // 8 // _PAGE * _PAGE)) if rate else window

    def may_begin(self) -> bool:
        """Whether another file is to be read. What has been begun is read to its end: else a file that takes longer
        than ``max_seconds`` would never be verified."""
        if self._given_up or self._out_of_time():
            return False
        try:
            self._wait_for_quiet()
        except Cancelled:
            return False
        return not self._out_of_time()

    def passed(self, count: int) -> None:
        """So many bytes were read; returns when more may be. Raises ``Cancelled`` when that is not to be waited for."""
        rate = self._limits.bytes_per_second
        with self._lock:
            self.bytes += count
            if rate:
                self._free_at = max(self._free_at, self._clock() - _BURST) + count / rate
            until = self._free_at
        while rate and not self._given_up:
            left = until - self._clock()
            if left <= 0:
                break
            self._sleep(min(left, _NAP))
        self._wait_for_quiet()

    def give_up(self) -> None:
        """Wake everybody who waits, to end."""
        self._given_up = True

    def _out_of_time(self) -> bool:
        if not self._limits.max_seconds or self._clock() < self._end:
            return False
        self.stopped_by = self.stopped_by or MAX_SECONDS
        return True

    def _wait_for_quiet(self) -> None:
        while self._is_busy():
            if self._given_up or self._out_of_time():
                raise Cancelled
            if self._clock() - (self._busy_since or 0.0) > self._limits.load_wait:
                self.stopped_by = self.stopped_by or MAX_LOAD
                self._given_up = True
                raise Cancelled
            self._sleep(_NAP)
        if self._given_up:
            raise Cancelled

    def _is_busy(self) -> bool:
        """Whether the load was above its limit at the last look, which one thread takes for all."""
        limit = self._limits.max_load
        if not limit:
            return False
        with self._lock:
            now = self._clock()
            if now - self._looked_at >= LOOK:
                self._looked_at = now
                load = self._load()
                busy = load > limit
                self.note = f"waiting: the load is {load:.1f}, above {limit:g}" if busy else ""
                self._busy_since = (now if self._busy_since is None else self._busy_since) if busy else None
            return self._busy_since is not None
