# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the logs fails a verification: what is new since the one before. What that one told already is a warning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .engine_time import engine_time
from .layout import SERVICE_PREFIX
from .log_classes import LogClass
from .log_since import at
from .log_verdict import Looked, exceeded, sentence
from .verify_finding import PROBLEM, WARNING, VerifyFinding

_TOLD = "The verification before has told it; what is new since is within the limits."


def log_findings(looked: Looked, classes: Sequence[LogClass]) -> list[VerifyFinding]:
    """Of one container. The counter's mark is the moment of the verification before, "" for none."""
    instance = looked.service if looked.service.startswith(SERVICE_PREFIX) else ""
    if looked.remedy:
        return [VerifyFinding("logs", WARNING, f"{looked.problem} {looked.remedy}", instance)]
    found = []
    if looked.problem:
        text = f"The log of {looked.container} ({looked.driver}) could not be read to its end: {looked.problem}."
        found.append(VerifyFinding("logs", WARNING, f"{text} Its counts are too low.", instance))
    for one in classes:
        if exceeded(looked.counter.recent[one.name], looked.recent_minutes, one.limits):
            text = " ".join(filter(None, (sentence(looked, one, recent=True), one.remedy)))
            found.append(VerifyFinding("logs", PROBLEM, text, instance))
        elif exceeded(looked.counter.tallies[one.name], looked.minutes, one.limits):
            text = " ".join(filter(None, (sentence(looked, one), one.remedy, _TOLD)))
            found.append(VerifyFinding("logs", WARNING, text, instance))
    return found


def last_changes(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """By instance, when a rollout last wrote about it, in the engine's notation."""
    last: dict[str, float] = {}
    for event in events:
        names, when = event.get("instances"), engine_time(str(event.get("at") or ""))
        for name in names if isinstance(names, list) else ():
            last[str(name)] = max(when, last.get(str(name), 0.0))
    return {name: at(when) for name, when in last.items() if when > 0}
