# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report of the fleet has besides the answers: findings, GPUs, what is in memory, and what the logs hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .told import mapping, mappings
from .verify_finding import NOTE, PROBLEM, WARNING, VerifyFinding, finding_from

_GPU = ("server", "expected", "given", "seen", "library")
_RESIDENT = ("name", "digest", "size", "size_vram", "context_length", "expires")
_LOG = ("container", "service", "log_driver", "since", "until", "lines", "bytes", "problem", "ok")
_CLASS = ("count", "per_minute", "in_a_minute", "first", "last", "samples", "ok")


def findings_of(found: Any) -> list[VerifyFinding]:
    """Those of one host, the problems first."""
    every = [one for one in map(finding_from, mappings(found, "findings")) if one]
    return [one for severity in (PROBLEM, WARNING, NOTE) for one in every if one.severity == severity]


def looks(hosts: Mapping[str, Any]) -> dict[str, Any]:
    """``gpus``, ``residents`` and ``logs`` by host, each only where something is known."""
    every: dict[str, dict[str, Any]] = {
        "gpus": {host: _rows(found, "gpus", _GPU) for host, found in hosts.items()},
        "residents": {host: _residents(mapping(found, "residents")) for host, found in hosts.items()},
        "logs": {host: [_log(row) for row in mappings(found, "logs")] for host, found in hosts.items()},
    }
    known = {key: {host: rows for host, rows in part.items() if rows} for key, part in every.items()}
    return {key: part for key, part in known.items() if part}


def by_check(report: Mapping[str, Any]) -> dict[str, dict[str, int]]:
    """How many problems and warnings there are of each check; what the answers themselves say is ``serving``."""
    counts: dict[str, dict[str, int]] = {}
    for one in report["findings"]:
        if one["severity"] != NOTE:
            counts.setdefault(one["check"], {PROBLEM: 0, WARNING: 0})[one["severity"]] += 1
    others = len(report["problems"]) - sum(one[PROBLEM] for one in counts.values())
    return {**({"serving": {PROBLEM: others, WARNING: 0}} if others > 0 else {}), **counts}


def _residents(told: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {str(server): _rows(told, server, _RESIDENT) for server in told}


def _log(row: Mapping[str, Any]) -> dict[str, Any]:
    """Of a log only the classes that were seen: a fleet has thousands that were not."""
    classes = mapping(row, "classes")
    seen = {name: mapping(classes, name) for name in classes}
    kept = {name: _only(one, _CLASS) for name, one in seen.items() if one.get("count") or not one.get("ok", True)}
    return {**_only(row, _LOG), "classes": kept}


def _rows(told: Any, key: str, keys: Iterable[str]) -> list[dict[str, Any]]:
    return [_only(row, keys) for row in mappings(told, key)]


def _only(row: Mapping[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: row[key] for key in keys if key in row}
