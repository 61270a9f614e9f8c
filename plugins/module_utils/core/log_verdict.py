# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a log holds is more than what is allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .engine_time import engine_time
from .log_classes import Limits, LogClass
from .log_count import Counter, Tally
from .problems import Problem


@dataclass(frozen=True)
class Looked:
    """One container's log: what was looked at, and what could not be (``problem``; with ``remedy`` where nothing of it
    could, as with a log driver that keeps nothing)."""

    container: str
    service: str
    driver: str
    since: str
    until: str
    size: int
    cut: int
    problem: str
    counter: Counter
    remedy: str = ""

    @property
    def minutes(self) -> float:
        """At least one: of less, a rate says nothing."""
        return self._minutes(self.since)

    @property
    def recent_minutes(self) -> float:
        """Of the part that the counter has in ``recent``."""
        return self._minutes(max(self.since, self.counter.mark))

    def _minutes(self, since: str) -> float:
        return max(1.0, (engine_time(self.until) - engine_time(since)) / 60)


def exceeded(tally: Tally, minutes: float, limits: Limits) -> tuple[str, ...]:
    """Which of the limits are: ``count``, ``per_minute``, ``in_a_minute``."""
    found = {"count": tally.count, "per_minute": tally.count / minutes, "in_a_minute": tally.busiest}
    most = limits.as_dict()
    return tuple(name for name, value in found.items() if most[name] is not None and value > most[name])


def row(looked: Looked, classes: Sequence[LogClass]) -> dict[str, Any]:
    """A container as the module returns it."""
    counted = {one.name: _class_row(looked, one) for one in classes}
    return {
        "container": looked.container,
        "service": looked.service,
        "log_driver": looked.driver,
        "since": looked.since,
        "until": looked.until,
        "minutes": round(looked.minutes, 2),
        "lines": looked.counter.lines,
        "bytes": looked.size,
        "cut_lines": looked.cut,
        "first_line": looked.counter.first,
        "last_line": looked.counter.last,
        "problem": looked.problem,
        "ok": not looked.problem and all(entry["ok"] for entry in counted.values()),
        "classes": counted,
    }


def problems(looked: Looked, classes: Sequence[LogClass]) -> list[Problem]:
    """One per class that is over its limits, and one for a log that could not be read to its end."""
    if looked.remedy:
        return [Problem("log_unreadable", looked.problem, looked.remedy, {"container": looked.container})]
    found = []
    if looked.problem:
        text = f"The log of {looked.container} ({looked.driver}) could not be read to its end: {looked.problem}."
        found.append(Problem("log_incomplete", text, "Its counts are too low.", {"container": looked.container}))
    for one in classes:
        over = exceeded(looked.counter.tallies[one.name], looked.minutes, one.limits)
        if over:
            facts = {"container": looked.container, "class": one.name, "exceeded": list(over)}
            found.append(Problem("log_threshold", sentence(looked, one), one.remedy, facts))
    return found


def sentence(looked: Looked, one: LogClass, recent: bool = False) -> str:
    """How much of a class there is, and how much there may be. ``recent``: since the counter's mark."""
    tally = (looked.counter.recent if recent else looked.counter.tallies)[one.name]
    minutes = looked.recent_minutes if recent else looked.minutes
    since = max(looked.since, looked.counter.mark) if recent else looked.since
    return (
        f"{looked.container} has {tally.count} x {one.name} since {since[:19]}Z, {tally.count / minutes:.3g} a minute"
        f" and up to {tally.busiest} within one; the most is {one.limits}."
    )


def _class_row(looked: Looked, one: LogClass) -> dict[str, Any]:
    tally = looked.counter.tallies[one.name]
    over = exceeded(tally, looked.minutes, one.limits)
    return {
        "count": tally.count,
        "per_minute": round(tally.count / looked.minutes, 4),
        "in_a_minute": tally.busiest,
        "first": tally.first,
        "last": tally.last,
        "samples": tally.samples,
        "most": one.limits.as_dict(),
        "exceeded": list(over),
        "ok": not over,
    }
