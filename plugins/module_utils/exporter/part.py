# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of what is exported: read at most so often, by one thread at a time, and waited for only so long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from ..core.errors import CorralError

Value = TypeVar("Value")
#: For the journal; called when a part begins to fail, and when it is well again.
Say = Callable[[str], None]
#: Who asks every fifteen seconds for what lasts fifteen seconds is to get something new each time.
_SLACK = 0.9


class Part(Generic[Value]):
    """``read`` gives the value, in a thread of its own; ``lasts``: seconds for which it counts, about; ``patience``:
    seconds that a scrape waits for a reading, counted from its start, so that one that hangs delays one scrape only."""

    def __init__(
        self, name: str, read: Callable[[], Value], nothing: Value, lasts: float, patience: float, say: Say
    ) -> None:
        self.name, self._read, self._say = name, read, say
        self._lasts, self._patience = lasts * _SLACK, patience
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._begun = float("-inf")
        self._reading = False
        self._told = ""
        self._problem = "it was not read yet"
        self.value = nothing
        self.seconds = 0.0

    def refresh(self) -> None:
        """Begin to read unless the last reading still counts, or is not through."""
        with self._lock:
            if self._reading or time.monotonic() - self._begun < self._lasts:
                return
            self._reading, self._begun = True, time.monotonic()
            self._ended.clear()
        # A thread that hangs must not keep the process from ending.
        threading.Thread(target=self._run, name=f"part {self.name}", daemon=True).start()

    def wait(self) -> None:
        """Until the reading that was begun is through, at most as long as patience lasts."""
        if self._reading:
            self._ended.wait(max(0.0, self._begun + self._patience - time.monotonic()))

    @property
    def late(self) -> bool:
        """Whether a reading is under way for longer than anybody waits."""
        return self._reading and time.monotonic() - self._begun >= self._patience

    @property
    def problem(self) -> str:
        """Why the value is not that of now; "" when it is."""
        return f"it takes longer than {self._patience:g} s" if self.late else self._problem

    def _run(self) -> None:
        problem = ""
        try:
            value = self._read()
            problem = str(getattr(value, "problem", "") or "")
            self.value = value
        except CorralError as error:
            problem = str(error)
        except Exception as error:
            # Whatever an answer or a file did to the reading: the others are shown, and so is the last that was known.
            problem = f"{type(error).__name__}: {error}"
        with self._lock:
            self.seconds = time.monotonic() - self._begun
            self._problem, self._reading = problem, False
            self._ended.set()
        self._tell(problem)

    def _tell(self, problem: str) -> None:
        if bool(problem) != bool(self._told):
            self._say(f"{self.name}: {problem[:500] or 'well again'}")
        self._told = problem
