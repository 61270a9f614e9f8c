# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load tests of a fleet as text: latencies per host, model and kind, then both views side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .columns import counted, short, wrapped
from .load_report import failures_in_words
from .markup import visible

_MOST = 24
_LABEL = 38
_TIMES = ("p50", "p95", "p99", "max")


def load_table(report: Mapping[str, Any], width: int = 100) -> str:
    """The whole report for people, no line longer than ``width``."""
    lines = wrapped(headline(report), width)
    for host in report["hosts"]:
        if host["tested"]:
            lines += ["", *_host(host, width)]
    lines += [""] if report["problems"] else []
    for problem in report["problems"]:
        lines += wrapped(f"✗ {visible(problem)}", width, "  ")
    return "\n".join(lines).rstrip()


def headline(report: Mapping[str, Any]) -> str:
    """One sentence: how many requests, how many failed, what was masked, and the verdict."""
    told = report["summary"]
    masked = counted(told["masked"], "failure") + " masked" if told["masked"] else "nothing masked"
    verdict = "good" if report["ok"] else counted(told["problems"], "problem")
    hosts, requests = counted(told["hosts"], "host"), counted(told["requests"], "request")
    failed = f"{told['failed']} failed ({told['error_ratio']:.2%})"
    return f"Load test of {hosts}, {requests}: {failed}, {masked}: {verdict}. {report['generated_at']}"


def target_of(host: Mapping[str, Any]) -> str:
    """Where the requests went, in a few words."""
    names = [str(target["name"]) for target in host["settings"]["targets"]]
    return names[0] if len(names) == 1 else f"{len(names)} instances in turn"


def settings_in_words(host: Mapping[str, Any]) -> str:
    told = host["settings"]
    limit = f"timeout {told['timeout']:g} s" if told["timeout"] else "no timeout"
    ramp = f", ramp {told['ramp']:g} s" if told["ramp"] else ""
    return (
        f"{told['rate']:g}/s {told['arrivals']} for {told['duration']:g} s{ramp}, {told['concurrency']} at a time,"
        f" {limit}, to {target_of(host)}"
    )


def _host(host: Mapping[str, Any], width: int) -> list[str]:
    lines = wrapped(visible(f"{host['name']}: {settings_in_words(host)}"), width)
    lines += [_row("", ("requests", "failed", *_TIMES, "first", "tokens/s"), width), _row("all", _cells(host), width)]
    lines += _groups(host["groups"], width)
    if host["failures"]:
        lines += _remark(f"client: {failures_in_words(host['failures'])}", width)
    lines += [_pair("", "client saw", "logged", "masked", width)]
    lines += [
        _pair(f"{row['class']}, {row['meaning']}", row["client"], row["logged"], row["masked"], width)
        for row in host["comparison"]
    ]
    lines += [
        _pair(f"{row['container']}: {visible(row['class'])}", "–", row["logged"], row["masked"], width)
        for row in host["consumers"]
    ]
    return [*lines, *_remarks(host, width)]


def _groups(groups: Sequence[Mapping[str, Any]], width: int) -> Iterable[str]:
    """The model once, and its instances below it."""
    before = ""
    for group in groups[:_MOST]:
        label = _name(group)
        if label != before:
            yield short(f"  {visible(label)}", width)
        yield _row(f"  {group['instance']}", _cells(group), width)
        before = label
    if len(groups) > _MOST:
        yield f"  and {len(groups) - _MOST} more: load.json has them all"


def _remarks(host: Mapping[str, Any], width: int) -> Iterable[str]:
    told = host["gateway"]
    if told:
        text = f"gateway: {told['retries']} retried, {told['redispatches']} taken to another instance"
        yield from _remark(text + (", reloaded meanwhile" if told["reloaded"] else ""), width)
    if host["other_lines"]:
        words = ", ".join(f"{count} x {name}" for name, count in host["other_lines"].items())
        yield from _remark(f"other lines in the logs: {words}", width)
    if host["waited"]:
        text = f"{counted(host['waited'], 'request')} waited for a free user, {host['most_waiting']} at a time"
        yield from _remark(text, width)
    for text in host["masking"]:
        yield from _remark(f"masked: {text}", width)


def _remark(text: str, width: int) -> list[str]:
    return [f"  {line}" for line in wrapped(visible(text), width - 2, "  ")]


def _name(group: Mapping[str, Any]) -> str:
    streamed = "" if group["stream"] or group["kind"] == "embed" else " (not streamed)"
    return f"{group['model']} {group['kind']}{streamed}"


def _cells(entry: Mapping[str, Any]) -> Sequence[str]:
    latency, first, speed = entry["latency"], entry["first_token"], entry["tokens_per_second"]
    some = entry["requests"] > entry["failed"]
    times = [seconds(latency[name]) if some else "–" for name in _TIMES]
    more = [seconds(first["p50"]) if first else "–", f"{speed['p50']:.1f}" if speed else "–"]
    return [str(entry["requests"]), str(entry["failed"]), *times, *more]


def seconds(value: float) -> str:
    """``0.412 s``, ``41.2 s``: what differs from instance to instance is often in the third digit."""
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"


def _row(label: str, cells: Sequence[str], width: int) -> str:
    room = min(_LABEL, width - 2 - 9 * len(cells))
    return f"  {short(visible(label), room):<{room}}" + "".join(f"{cell:>9}" for cell in cells)


def _pair(label: str, client: object, logged: object, masked: object, width: int) -> str:
    room = min(58, width - 2 - 12 * 3)
    return f"  {short(visible(label), room):<{room}}{client!s:>12}{logged!s:>12}{masked!s:>12}"
