# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a long piece of work has come: a meter (fed with clock values), and one line of text for people."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..core.units import human_bytes, human_pair, human_seconds

WINDOW = 10.0
"""Seconds over which the rate is averaged."""

QUIET = 5.0
"""Seconds without movement after which the line says so instead of giving a rate."""

LINE_LIMIT = 199


@dataclass(frozen=True)
class Progress:
    """``completed`` of ``total`` bytes of ``model`` in ``phase``; ``rate`` in bytes/s; ``eta`` in s, None if unknown.

    ``at`` is the clock value of the observation on the host that made it, ``note`` a remark such as a retry. With a
    ``unit`` both are numbers of these, and no bytes.
    """

    model: str
    completed: int = 0
    total: int = 0
    rate: float = 0.0
    eta: float | None = None
    phase: str = ""
    at: float = 0.0
    note: str = ""
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def progress_from(data: Mapping[str, Any]) -> Progress:
    """A Progress out of what ``as_dict`` made; what is missing or of a wrong type takes its default."""
    eta = data.get("eta")
    return Progress(
        model=str(data.get("model", "")),
        completed=_whole(data.get("completed")),
        total=_whole(data.get("total")),
        rate=_number(data.get("rate")),
        eta=None if eta is None else _number(eta),
        phase=str(data.get("phase", "")),
        at=_number(data.get("at")),
        note=str(data.get("note", "")),
        unit=str(data.get("unit", "")),
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _whole(value: Any) -> int:
    return int(_number(value))


class ProgressMeter:
    """Turns observations of one model into Progress values with a rate over the last seconds."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._phase = ""
        self._seen: deque[tuple[float, int]] = deque()

    def update(self, phase: str, completed: int, total: int, now: float, note: str = "") -> Progress:
        """One observation at clock value ``now``; a new phase or a step back starts the rate anew."""
        if phase != self._phase or (self._seen and completed < self._seen[-1][1]):
            self._phase = phase
            self._seen.clear()
        self._seen.append((now, completed))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        rate = self._rate()
        eta = (total - completed) / rate if rate > 0 and total >= completed else None
        return Progress(self.model, completed, total, rate, eta, phase, now, note)

    def _rate(self) -> float:
        first, last = self._seen[0], self._seen[-1]
        elapsed = last[0] - first[0]
        return (last[1] - first[1]) / elapsed if elapsed > 0 else 0.0


def render(host: str, progress: Progress, quiet: float = 0.0) -> str:
    """One line, less than 200 characters: ``host1: mistral:7b pulling 43 % (88.1 of 204.9 MB, 41.3 MB/s, 3 s left)``.

    ``quiet`` is how long nothing has moved, on the clock of the one who asks.
    """
    words = [word for word in (_short(progress.model, 60), progress.phase or "working") if word]
    details = []
    if progress.total > 0:
        words.append(f"{min(100, progress.completed * 100 // progress.total)} %")
        counted = f"{progress.completed} of {progress.total} {_short(progress.unit, 20)}"
        details.append(counted if progress.unit else human_pair(progress.completed, progress.total))
    details.extend(_movement(progress, quiet))
    if progress.note:
        details.append(_short(progress.note, 60))
    line = f"{_short(host, 40)}: {' '.join(words)}" + (f" ({', '.join(details)})" if details else "")
    return _short(" ".join(line.split()), LINE_LIMIT)


def _movement(progress: Progress, quiet: float) -> list[str]:
    if quiet >= QUIET:
        return [f"no {'bytes' if progress.total and not progress.unit else 'news'} for {human_seconds(quiet)}"]
    if progress.rate <= 0:
        return []
    left = [] if progress.eta is None else [f"{human_seconds(progress.eta)} left"]
    return [f"{human_bytes(progress.rate)}/s", *left]


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
