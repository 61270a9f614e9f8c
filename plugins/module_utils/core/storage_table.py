# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage of the fleet as text: a few lines per host, below the table of the instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from textwrap import wrap
from typing import Any

from .columns import counted
from .fleet_table import HOSTS, WIDTH
from .told import mapping, mappings
from .units import human_bytes

_MODELS = 6


def storage_table(storage: Mapping[str, Any], width: int = WIDTH) -> str:
    """``storage`` of the fleet report: per host what storage_info returned. Empty without hosts."""
    lines: list[str] = []
    for host, told in list(storage.items())[:HOSTS]:
        stored, scrub = mapping(told, "storage"), mapping(told, "scrub")
        if stored:
            lines += ["", *wrap(f"Storage of {host}", width)]
            lines += [line for label, text in storage_rows(stored, scrub) for line in _row(label, text, width)]
    more = len(storage) - HOSTS
    return "\n".join([*lines, *(["", f"Storage of {counted(more, 'more host')}: see fleet.html"] if more > 0 else [])])


def storage_rows(stored: Mapping[str, Any], scrub: Mapping[str, Any]) -> list[tuple[str, str]]:
    free = f"{_size(stored, 'free_bytes')} of {_size(stored, 'total_bytes')} free"
    saved = f"{_size(stored, 'saved_against_copies')} against {_number(stored.get('copies'))} copies"
    rows = [
        ("store", f"{_size(stored, 'bytes')}, {_number(stored.get('models'))} models; {free}"),
        ("sharing saves", f"{saved}; {_size(stored, 'shared_bytes')} are in blobs that several models share"),
        ("only theirs", _unique(mapping(stored, "unique_bytes_by_model"))),
        ("instances", _instances(mappings(stored, "instances"))),
        ("reclaimable", _reclaimable(stored)),
        ("verified", _scrub(scrub)),
    ]
    return [row for row in rows if row[1]]


def _row(label: str, text: str, width: int) -> list[str]:
    return wrap(f"  {label:<14} {text}", width, subsequent_indent=" " * 17)


def _unique(models: Mapping[str, Any]) -> str:
    """The largest first: that is where removing one helps."""
    ranked = sorted(models.items(), key=lambda entry: (-_number(entry[1]), entry[0]))
    shown = ", ".join(f"{name} {human_bytes(_number(size))}" for name, size in ranked[:_MODELS])
    return f"{shown}, and {len(ranked) - _MODELS} more" if len(ranked) > _MODELS else shown


def _instances(known: Sequence[Mapping[str, Any]]) -> str:
    sizes = [_number(entry.get("bytes")) for entry in known]
    if not sizes:
        return ""
    largest = max(known, key=lambda entry: _number(entry.get("bytes")))
    return f"{human_bytes(sum(sizes))} of their own data, most in {largest.get('name')} ({human_bytes(max(sizes))})"


def _reclaimable(stored: Mapping[str, Any]) -> str:
    parts = {"orphans": "orphan_bytes", "downloads": "partial_bytes", "staging": "staging_bytes"}
    told = [f"{word} {_size(stored, key)}" for word, key in parts.items() if _number(stored.get(key))]
    aside = _number(stored.get("quarantine_bytes"))
    told += [f"quarantine {human_bytes(aside)}"] if aside else []
    warning = "; an unreadable manifest makes this a guess" if _number(stored.get("unreadable")) else ""
    listed = f" ({', '.join(told)})" if told else ""
    return f"{_size(stored, 'reclaimable')}{listed}{warning}"


def _scrub(scrub: Mapping[str, Any]) -> str:
    if not scrub:
        return "never (playbook scrub)"
    kinds = ", ".join(f"{_number(count)} {kind}" for kind, count in mapping(scrub, "findings_by_kind").items())
    verdict = "no damage" if scrub.get("ok") else "DAMAGED"
    covered = mapping(scrub, "coverage").get("fraction")
    part = f", {covered:.0%} of the bytes read" if isinstance(covered, float) else ""
    return (
        f"all of it {_clock(scrub.get('last_full_at'))}; last scrub {_clock(scrub.get('ended_at'))}: {verdict}"
        f"{part}{f' ({kinds})' if kinds else ''}"
    )


def _clock(when: Any) -> str:
    if not isinstance(when, (int, float)) or not 0 < when < 1e11:
        return "never"
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%MZ")


def _size(told: Mapping[str, Any], key: str) -> str:
    return human_bytes(_number(told.get(key)))


def _number(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) else 0
