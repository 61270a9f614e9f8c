# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says about its hosts, in sentences: the same about many hosts is told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .columns import counted, short, wrapped
from .told import mappings, texts
from .verify_finding import NOTE, PROBLEM, SEVERITIES, WARNING

#: What a line begins with, by severity.
MARKS = {PROBLEM: "✗", WARNING: "!", NOTE: "-"}
_LINES = {PROBLEM: 100, WARNING: 40, NOTE: 20}
_HOSTS = 6
_SENTENCE = 2000

Said = dict[str, list[str]]


def said(report: Mapping[str, Any], severity: str) -> Said:
    """Sentence to hosts, in the report's order; no host where it is about none."""
    if severity == PROBLEM:
        hosts = {str(host.get("name")) for host in mappings(report, "hosts")}
        return _grouped(_apart(text, hosts) for text in texts(report, "problems"))
    found = (one for one in mappings(report, "findings") if one.get("severity") == severity)
    return _grouped((str(one.get("host")), str(one.get("message"))) for one in found)


def said_lines(report: Mapping[str, Any], width: int) -> list[str]:
    """All of it as lines, what is wrong first, and no more of it than somebody reads."""
    lines: list[str] = []
    for severity in SEVERITIES:
        found = list(said(report, severity).items())
        most = _LINES[severity]
        for text, hosts in found[:most]:
            about = f"{_few(hosts)}: " if hosts else ""
            lines += wrapped(f"{MARKS[severity]} {about}{short(text, _SENTENCE)}", width, "  ")
        if len(found) > most:
            lines.append(f"{MARKS[severity]} and {counted(len(found) - most, f'more {severity}')}: see fleet.json")
    return lines


def _apart(problem: str, hosts: set[str]) -> tuple[str, str]:
    host, _colon, text = problem.partition(": ")
    return (host, text) if host in hosts else ("", problem)


def _grouped(pairs: Iterable[tuple[str, str]]) -> Said:
    groups: Said = {}
    for host, text in pairs:
        hosts = groups.setdefault(text, [])
        if host and host not in hosts[-1:]:
            hosts.append(host)
    return groups


def _few(hosts: list[str]) -> str:
    more = f" and {counted(len(hosts) - _HOSTS, 'more host')}" if len(hosts) > _HOSTS else ""
    return ", ".join(hosts[:_HOSTS]) + more
