# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking no more than so many bytes a second."""

from __future__ import annotations

from collections.abc import Callable


class Pace:
    """Sleeps so that no more than so many bytes a second are taken."""

    def __init__(self, limit: int, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._limit, self._clock, self._sleep = limit, clock, sleep
        self._begun, self._taken = clock(), 0

    def wait(self, count: int) -> None:
        if self._limit > 0:
            self._taken += count
            ahead = self._taken / self._limit - (self._clock() - self._begun)
            if ahead > 0:
                self._sleep(ahead)
