# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client saw beside what the servers logged, and what of it no client saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .columns import counted
from .load_outcome import CONNECTION, EMPTY, ERROR_LINE, REFUSED, RESET, TIMEOUT, UNFINISHED

_BROKEN = (UNFINISHED, RESET, REFUSED, CONNECTION, "http_502")


@dataclass(frozen=True)
class Row:
    """One class of failure on both sides. ``masked``: logged, and not seen by the client."""

    name: str
    meaning: str
    client: int
    logged: int
    masked: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "class": self.name,
            "meaning": self.meaning,
            "client": self.client,
            "logged": self.logged,
            "masked": self.masked,
        }


@dataclass(frozen=True)
class _Pair:
    """``exact``: each event is one line of the log, so the two numbers can be compared one by one. Otherwise lines come
    in any number with one event, and only none beside some tells anything."""

    name: str
    meaning: str
    client: tuple[str, ...]
    logged: tuple[str, ...]
    exact: bool = True


PAIRS = (
    _Pair("404", "model or route not found", ("http_404",), ("http_404",)),
    _Pair("499", "the client left before the answer", (TIMEOUT, "http_504"), ("http_499",)),
    _Pair("500", "the server failed", ("http_500", ERROR_LINE), ("http_500",)),
    _Pair("503", "the queue was full", ("http_503",), ("http_503",)),
    _Pair(
        "timeouts",
        "a model was not loaded in time",
        (TIMEOUT, "http_500", "http_503", "http_504", ERROR_LINE),
        ("load_timeout",),
        exact=False,
    ),
    _Pair(
        "crashes",
        "a runner ended, or the connection did",
        (*_BROKEN, "http_500", ERROR_LINE, EMPTY),
        ("runner_crash",),
        exact=False,
    ),
)
OTHERS = ("digest_mismatch", "pull_retry", "pull_stall", "pulling_manifest", "prune")


def side_by_side(failures: Iterable[Mapping[str, Any]], logs: Sequence[Mapping[str, Any]]) -> list[Row]:
    """A row per class. ``logs``: the containers that log_check looked at since the test began.

    What is within the thresholds of log_check is not masked: a fleet has clients that leave, besides the test.
    """
    seen: dict[str, int] = {}
    for one in failures:
        seen[one["class"]] = seen.get(one["class"], 0) + int(one["count"])
    return [_row(pair, seen, logs) for pair in PAIRS]


def consumer_rows(logs: Sequence[Mapping[str, Any]], failed: int) -> list[dict[str, Any]]:
    """What the containers that use the servers logged, by their own patterns; masked is what no request failed for."""
    known = {name for pair in PAIRS for name in pair.logged} | set(OTHERS)
    return [
        {
            "container": str(one.get("container", "")),
            "class": str(name),
            "logged": int(told["count"]),
            "masked": 0 if told.get("ok", True) else max(0, int(told["count"]) - failed),
        }
        for one in logs
        for name, told in (one.get("classes") or {}).items()
        if name not in known and told.get("count")
    ]


def other_lines(logs: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Lines that no request stands for: pulls, prunes, digests."""
    found = {name: _logged(logs, name)[0] for name in OTHERS}
    return {name: count for name, count in found.items() if count}


def gateway_delta(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What the gateway did during the test; {} where it was not asked. Counters begin anew with a reload."""
    if not (before.get("gateway") or {}).get("reachable") or not (after.get("gateway") or {}).get("reachable"):
        return {}
    earlier, later = before["gateway"], after["gateway"]
    younger = later.get("uptime_seconds", 0) < earlier.get("uptime_seconds", 0)
    reloaded = younger or earlier.get("pid") != later.get("pid")
    told = {name: _grown(earlier, later, name, reloaded) for name in ("retries", "redispatches")}
    earlier_servers = {one["name"]: one for one in before.get("servers") or []}
    names = ("retries", "redispatches", "connection_errors", "response_errors", "responses_5xx", "checks_failed")
    servers = []
    for one in after.get("servers") or []:
        was = earlier_servers.get(one["name"], {})
        servers.append({"name": one["name"], **{name: _grown(was, one, name, reloaded) for name in names}})
    return {**told, "reloaded": reloaded, "servers": [one for one in servers if any(one[name] for name in names)]}


def masked_sentences(
    rows: Sequence[Row], consumers: Sequence[Mapping[str, Any]], gateway: Mapping[str, Any]
) -> list[str]:
    """What was hidden from the client, each in a sentence."""
    said = [
        f"{row.name} ({row.meaning}): the servers logged {row.logged}, the client saw {row.client}; {row.masked} were"
        " hidden by whoever tried again, or belong to other clients."
        for row in rows
        if row.masked
    ]
    said += [
        f"{one['container']} logged {counted(one['logged'], 'line')} of {one['class']!r} that no request failed for."
        for one in consumers
        if one["masked"]
    ]
    for name, words in (("retries", "sent again to the same instance"), ("redispatches", "sent to another instance")):
        if gateway.get(name):
            said.append(f"The gateway tried again: {counted(gateway[name], 'request')} {words}.")
    return said


def _row(pair: _Pair, seen: Mapping[str, int], logs: Sequence[Mapping[str, Any]]) -> Row:
    client = sum(seen.get(name, 0) for name in pair.client)
    counts = [_logged(logs, name) for name in pair.logged]
    logged, fine = sum(count for count, _ok in counts), all(well for _count, well in counts)
    hidden = max(0, logged - client) if pair.exact else logged * (not client)
    return Row(pair.name, pair.meaning, client, logged, 0 if fine else hidden)


def _logged(logs: Sequence[Mapping[str, Any]], name: str) -> tuple[int, bool]:
    """(lines in all logs, whether each log is within its thresholds)."""
    found = [told for one in logs for key, told in (one.get("classes") or {}).items() if key == name]
    return sum(int(told["count"]) for told in found), all(told.get("ok", True) for told in found)


def _grown(before: Mapping[str, Any], after: Mapping[str, Any], name: str, reloaded: bool) -> int:
    """After a reload, what was counted before it is lost: the least that happened."""
    now = int(after.get(name) or 0)
    return now if reloaded else max(0, now - int(before.get(name) or 0))
