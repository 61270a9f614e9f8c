# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that the generator wrote, one per request, put together: counts, percentiles, failures, a course."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .load_outcome import NOT_SENT, OK

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
STEPS = 120
"""Points of a course over time while requests arrive."""
MOST_STEPS = 3 * STEPS
"""With those in which the last answers end; what ends later still counts for the last one."""
MOST_GROUPS = 512
MOST_SAMPLES = 3
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,39}")
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` percent of all are not above (nearest rank); 0 of nothing."""
    if not ordered:
        return 0.0
    # 99.9 % of 1000 are 999, not the 1000 that floating point makes of it.
    return ordered[max(0, math.ceil(round(share * len(ordered) / 100, 9)) - 1)]


def spread(values: Iterable[float]) -> dict[str, float]:
    """``p50`` to ``p99.9``, ``max`` and ``mean``, in the unit of the values."""
    ordered = sorted(values)
    told = {f"p{share:g}": percentile(ordered, share) for share in PERCENTILES}
    told["max"] = ordered[-1] if ordered else 0.0
    told["mean"] = math.fsum(ordered) / len(ordered) if ordered else 0.0
    return {name: round(value, 6) for name, value in told.items()}


class Group:
    """The requests that are alike: latencies of those that succeeded, and how many did not."""

    def __init__(self) -> None:
        self.requests = self.failed = self.waited = 0
        self.tokens = 0.0
        self.scheduled, self.sent, self.first, self.speed = (array("d") for _unused in range(4))

    def take(self, record: Mapping[str, Any], late: float) -> None:
        self.requests += 1
        wait, took = _number(record.get("wait")), _number(record.get("took"))
        self.waited += wait > late
        if record.get("class") != OK:
            self.failed += 1
            return
        self.scheduled.append(wait + took)
        self.sent.append(took)
        self.tokens += _number(record.get("tokens"))
        if "first" in record:
            self.first.append(wait + _number(record["first"]))
        if "speed" in record:
            self.speed.append(_number(record["speed"]))

    def as_dict(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "failed": self.failed,
            "waited": self.waited,
            "tokens": int(self.tokens),
            "latency": spread(self.scheduled),
            "latency_from_send": spread(self.sent),
            "first_token": spread(self.first) if self.first else None,
            "tokens_per_second": _slow_end(self.speed) if self.speed else None,
        }


class Step:
    """One part of the test's time."""

    def __init__(self) -> None:
        self.requests = self.failed = self.done = 0
        self.latency, self.first = array("d"), array("d")

    def as_dict(self, at: float) -> dict[str, Any]:
        latency, first = sorted(self.latency), sorted(self.first)
        told = {"p50": percentile(latency, 50), "p95": percentile(latency, 95), "first_p50": percentile(first, 50)}
        shown = {name: round(value, 4) for name, value in told.items()}
        known = {"at": round(at, 3), "requests": self.requests, "failed": self.failed, "done": self.done}
        return {**known, **(shown if self.latency else dict.fromkeys(shown))}


class Tally:
    """Fed with the records of one host. ``mix`` and ``targets`` are those of the test."""

    def __init__(self, mix: Sequence[Mapping[str, Any]], targets: Sequence[str], duration: float, late: float = 0.1):
        self._mix, self._targets, self._late = mix, targets, late
        self._width = max(duration / STEPS, 1.0)
        self._steps: dict[int, Step] = {}
        self._groups: dict[tuple[int, str], Group] = {}
        self._failures: dict[tuple[str, int, str], dict[str, Any]] = {}
        self.all = Group()

    def take(self, record: Mapping[str, Any]) -> bool:
        """False for a record that is none of this test's."""
        place, target = record.get("mix"), record.get("target")
        if not isinstance(place, int) or not isinstance(target, int):
            return False
        if not (0 <= place < len(self._mix) and 0 <= target < len(self._targets)):
            return False
        key = (place, self._instance(record, target))
        if key not in self._groups and len(self._groups) >= MOST_GROUPS:
            key = (place, "others")
        for group in (self.all, self._groups.setdefault(key, Group())):
            group.take(record, self._late)
        self._course(record)
        if record.get("class") != OK:
            self._failure(record, key[1])
        return True

    def result(self) -> dict[str, Any]:
        steps = range(max(self._steps, default=-1) + 1)
        return {
            **self.all.as_dict(),
            "groups": [
                {**_of(self._mix[place]), "instance": instance, **self._groups[place, instance].as_dict()}
                for place, instance in sorted(self._groups)
            ],
            "failures": sorted(self._failures.values(), key=lambda one: (-one["count"], one["class"])),
            "step_seconds": round(self._width, 3),
            "course": [self._steps.get(number, Step()).as_dict(number * self._width) for number in steps],
        }

    def _instance(self, record: Mapping[str, Any], target: int) -> str:
        """Who the gateway says has answered, else whom it was sent to."""
        said = str(record.get("instance") or "")
        return said if _INSTANCE.fullmatch(said) else str(self._targets[target])

    def _course(self, record: Mapping[str, Any]) -> None:
        step = self._steps.setdefault(min(int(_number(record.get("at")) / self._width), STEPS), Step())
        step.requests += 1
        if record.get("class") != OK:
            step.failed += 1
            return
        took = _number(record.get("wait")) + _number(record.get("took"))
        step.latency.append(took)
        ended = int((_number(record.get("at")) + took) / self._width)
        self._steps.setdefault(min(ended, MOST_STEPS), Step()).done += 1
        if "first" in record:
            step.first.append(_number(record.get("wait")) + _number(record["first"]))

    def _failure(self, record: Mapping[str, Any], instance: str) -> None:
        named = str(record.get("class"))
        named = named if _CLASS.fullmatch(named) else "unknown"
        status = int(_number(record.get("status")))
        exception = str(record.get("exception") or "")[:60]
        key = (named, status, exception)
        if key not in self._failures and len(self._failures) >= MOST_GROUPS:
            key = (named, 0, "")
        known = {"class": named, "status": key[1], "exception": key[2]}
        found = self._failures.setdefault(key, {**known, "count": 0, "samples": [], "instances": {}})
        found["count"] += 1
        where = found["instances"]
        if named != NOT_SENT and (instance in where or len(where) < MOST_GROUPS):
            where[instance] = where.get(instance, 0) + 1
        text = str(record.get("text") or "")[:300]
        if text and text not in found["samples"] and len(found["samples"]) < MOST_SAMPLES:
            found["samples"].append(text)


def _of(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"model": entry["model"], "kind": entry["kind"], "stream": bool(entry["stream"])}


def _slow_end(values: Iterable[float]) -> dict[str, float]:
    """Of a speed the low values are the bad ones."""
    ordered = sorted(values)
    told = {"p50": percentile(ordered, 50), "p10": percentile(ordered, 10), "min": ordered[0]}
    return {name: round(value, 3) for name, value in told.items()}


def _number(value: Any) -> float:
    sound = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if sound else 0.0
