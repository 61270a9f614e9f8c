# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small file through which a module that works in the background tells the controller how far it is."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable

from ..core.progress import Progress

INTERVAL = 0.25
"""At most four writes per second: the reader polls, it does not need more."""


class ProgressFile:
    """Writes Progress as JSON to ``path``, atomically; without a path it does nothing.

    A failed write is not an error: progress is a courtesy, and a full disk must not end a pull twice.
    """

    def __init__(self, path: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._last = float("-inf")
        self._phase: tuple[str, str, str] | None = None

    def write(self, progress: Progress, done: bool = False) -> None:
        """Write now if the last write is old enough, the phase, model or note is new, or the work is done."""
        phase = (progress.model, progress.phase, progress.note)
        now = self._clock()
        if self._path is None or (phase == self._phase and not done and now - self._last < INTERVAL):
            return
        self._phase, self._last = phase, now
        with contextlib.suppress(OSError):
            self._replace(json.dumps({**progress.as_dict(), "pid": os.getpid(), "done": done}))

    def _replace(self, text: str) -> None:
        temporary = f"{self._path}.new"
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, str(self._path))
