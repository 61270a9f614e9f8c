# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to tell people of a long piece of work, and when: whole lines, few of them, and never silence."""

from __future__ import annotations

from ..module_utils.core.progress import Progress, render

EVERY = 8.0
"""Seconds between two lines. With the poll and the way to the host it stays under the ten that are promised."""


class Lines:
    """Fed with what was seen (``None``: nothing yet) and the time; answers with the line to print, or ``""``."""

    def __init__(self, host: str, what: str, now: float) -> None:
        self._host, self._what = host, what
        self._printed = self._moved = now
        self._seen: tuple[str, str, str, int] | None = None

    def line(self, progress: Progress | None, now: float) -> str:
        """A new model, phase or note speaks at once, everything else every ``EVERY`` seconds."""
        new_phase = self._note(progress, now)
        if not new_phase and now - self._printed < EVERY:
            return ""
        self._printed = now
        return render(self._host, progress or Progress(self._what, phase="working"), now - self._moved)

    def _note(self, progress: Progress | None, now: float) -> bool:
        if progress is None:
            return False
        seen = (progress.model, progress.phase, progress.note, progress.completed)
        before, self._seen = self._seen, seen
        if seen != before:
            self._moved = now
        return before is None or seen[:3] != before[:3]
