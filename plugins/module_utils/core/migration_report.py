# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration brought, put together of all hosts: bytes before and after, where each model came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .columns import counted, short, wrapped
from .units import human_bytes

SCHEMA = 1
OPTIONS: dict[str, dict[str, Any]] = {
    "hosts": {"type": "dict", "default": {}},
    "artifacts_dir": {"type": "str", "default": "artifacts"},
    "width": {"type": "int", "default": 100},
}
_SPACE = ("before_bytes", "after_bytes", "saved_bytes", "linked_bytes", "reflinked_bytes", "copied_bytes")
_NAME = 34
_SHOWN = 20
Row = Mapping[str, Any]


def migration_report(hosts: Mapping[str, Any], generated_at: str, predicted: bool = False) -> dict[str, Any]:
    """``hosts`` maps a host's name to its record, or to its plan; one without is a host that did not get so far."""
    entries = [_entry(host, found) for host, found in hosts.items() if _merge_of(found)]
    missing = [host for host, found in hosts.items() if not _merge_of(found)]
    problems = [f"{host}: it was not migrated, because it failed or could not be reached." for host in missing]
    return {
        "schema": SCHEMA,
        "ok": not problems,
        "predicted": predicted,
        "generated_at": generated_at,
        "summary": {"hosts": len(hosts), "sources": sum(len(one["sources"]) for one in entries), **_total(entries)},
        "hosts": entries,
        "problems": problems,
    }


def stats_of(report: Row) -> dict[str, Any]:
    """The small artifact for workflows."""
    phases = sorted({one["phase"] for one in report["hosts"]})
    head = {name: report[name] for name in ("ok", "predicted", "generated_at")}
    return {**head, "phases": phases, **report["summary"], "problems": len(report["problems"])}


def migration_table(report: Row, width: int = 100) -> str:
    """The report for people, no line longer than ``width``."""
    lines = [*wrapped(_headline(report), width), ""]
    for entry in report["hosts"]:
        lines += [*_host_lines(entry, width), ""]
    for problem in report["problems"]:
        lines += wrapped(f"✗ {problem}", width, "  ")
    return "\n".join(lines).rstrip()


def percent(saved: int, before: int) -> float:
    """With one digit; 0.0 of nothing."""
    return round(100 * saved / before, 1) if before > 0 else 0.0


def _merge_of(found: Any) -> Row:
    merge = found.get("merge") if isinstance(found, Mapping) else None
    return merge if isinstance(merge, Mapping) and "space" in merge else {}


def _entry(host: str, found: Row) -> dict[str, Any]:
    merge = _merge_of(found)
    space = {name: int(merge["space"].get(name, 0)) for name in _SPACE}
    rows = sorted((_source(row) for row in merge.get("per_source") or []), key=lambda row: str(row["name"]))
    return {
        "host": host,
        "phase": found.get("phase", ""),
        "store": found.get("store", {}),
        "space": {**space, "percent": percent(space["saved_bytes"], space["before_bytes"])},
        "sources": rows,
        "models": list(merge.get("models") or []),
        "conflicts": list(merge.get("conflicts") or []),
        "lacking": list(merge.get("lacking") or []),
    }


def _source(row: Row) -> dict[str, Any]:
    before, after = int(row["before_bytes"]), int(row["after_bytes"])
    saved = before - after
    figures = {"before_bytes": before, "after_bytes": after, "saved_bytes": saved, "percent": percent(saved, before)}
    return {"name": row["name"], **figures}


def _total(entries: Iterable[Row]) -> dict[str, Any]:
    total: dict[str, Any] = dict.fromkeys(_SPACE, 0)
    for entry in entries:
        for name in _SPACE:
            total[name] += entry["space"][name]
    return {**total, "percent": percent(total["saved_bytes"], total["before_bytes"])}


def _headline(report: Row) -> str:
    one = report["summary"]
    would = " (as a run would do it)" if report["predicted"] else ""
    figures = (
        f"{human_bytes(one['before_bytes'])} before, {human_bytes(one['after_bytes'])} after,"
        f" {human_bytes(one['saved_bytes'])} saved ({one['percent']} %), {human_bytes(one['copied_bytes'])} copied"
    )
    hosts, sources = counted(one["hosts"], "host"), counted(one["sources"], "old store")
    return f"Migration of {hosts}, {sources}{would}: {figures}. {report['generated_at']}"


def _host_lines(entry: Row, width: int) -> list[str]:
    label = min(max([len(row["name"]) + 2 for row in entry["sources"]] + [14]), _NAME)
    state = f" ({entry['phase'].replace('_', ' ')})" if entry["phase"] else ""
    head = short(f"{entry['host']}{state}", width)
    lines = [head, _line("", ("before", "after", "saved", "percent"), label)]
    for row in entry["sources"]:
        lines.append(_line(f"  {row['name']}", (*_figures(row), f"{row['percent']:.1f} %"), label))
    space = entry["space"]
    lines.append(_line("  shared store", ("", human_bytes(space["after_bytes"])), label))
    lines.append(_line("  all of it", (*_figures(space), f"{space['percent']:.1f} %"), label))
    for text in _remarks(entry):
        lines += [f"  {line}" for line in wrapped(text, width - 2, "  ")]
    return lines


def _figures(row: Row) -> list[str]:
    return [human_bytes(row[f"{what}_bytes"]) for what in ("before", "after", "saved")]


def _line(name: str, cells: Iterable[str], label: int) -> str:
    return "  ".join([short(name, label).ljust(label), *(cell.rjust(9) for cell in cells)]).rstrip()


def _remarks(entry: Row) -> list[str]:
    said = []
    for row in entry["conflicts"][:_SHOWN]:
        chosen = row.get("chosen") or {}
        others = sorted({one["digest"][:7] for one in row["candidates"]} - {str(chosen.get("digest", ""))[:7]})
        taken = f"{chosen['digest'][:7]} of {chosen['source']}" if chosen else "none of them"
        said.append(f"≠ {row['name']} ({row['policy']}): {taken}, not {', '.join(others)}")
    said += [_lacking(row) for row in entry["lacking"][:_SHOWN]]
    hidden = max(0, len(entry["conflicts"]) - _SHOWN) + max(0, len(entry["lacking"]) - _SHOWN)
    return [*said, f"… and {hidden} more, in migration.json"] if hidden else said


def _lacking(row: Row) -> str:
    what = "↓ {} is pulled anew" if row.get("declared") else "✗ {} stays behind, and nobody declares it"
    return f"{what.format(row['name'])}: {row['reason']}"
