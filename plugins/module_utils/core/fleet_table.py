# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet as text: instances down, models across, and in each cell the digest, whether listed, whether answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .cell_state import ANSWERED, MISSING, NOT_ASKED, OTHER, SIGNS, answer_state, cell_state
from .columns import counted, short, wrapped
from .fleet_said import said_lines

WIDTH = 100
#: So many hosts are told about one by one below the table; the page has all.
HOSTS = 20
LEGEND = "Cells: digest, listed, answered.  ✓ yes  ✗ no  ≠ another digest  ○ proven earlier  · not asked"
_GAP = "  "
_CELL = 10
_NAME = 26
_LABEL = 34
_COMPACT_FROM = 48
_NO_DIGEST = "–" * 7

Row = tuple[str, dict[str, str]]


def fleet_table(report: Mapping[str, Any], width: int = WIDTH) -> str:
    """The whole report for people, no line longer than ``width``."""
    # What only an earlier report knew is in the page.
    instances = [entry for entry in report["instances"] if not entry.get("seen_at")]
    models = list(dict.fromkeys(model["name"] for entry in instances for model in entry["models"]))
    rows = [row for host in _hosts(instances) for row in _host_rows(host, len(instances) >= _COMPACT_FROM)]
    label = min(max([len(text) for text, cells in rows if cells] or [0]), _LABEL)
    lines = [*wrapped(headline(report), width, ""), *wrapped(answers_line(report), width, ""), ""]
    for block in _blocks(models, width - label):
        lines += [*_block(block, rows, label, width), ""]
    if models:
        lines += [*wrapped(LEGEND, width, ""), ""]
    return "\n".join([*lines, *said_lines(report, width)]).rstrip()


def headline(report: Mapping[str, Any]) -> str:
    """One sentence: how many of what, and the verdict."""
    count = report["summary"]
    verdict = "everything as declared" if report["ok"] else counted(count["problems"], "problem")
    hosts, instances, models = (counted(count[f"{noun}s"], noun) for noun in ("host", "instance", "model"))
    return (
        f"Fleet of {hosts}, {instances} ({count['instances_ok']} well), {models}: {verdict}. {report['generated_at']}"
    )


def answers_line(report: Mapping[str, Any]) -> str:
    """How old what is told about the answers is: a report of who only looked is no proof of now."""
    models = [model for entry in report["instances"] for model in entry["models"]]
    proven = [
        str(model.get("proven_at") or "") for model in models if model.get("answered") and model.get("from_proof")
    ]
    asked, count = sum(bool(model.get("asked")) for model in models), len(models)
    told = [f"{asked} asked for now" if asked else "none was asked for now"]
    told += [f"{len(proven)} proven earlier, the oldest {min(proven) or 'at an unknown time'}"] if proven else []
    told += [f"{count - asked - len(proven)} not asked"] if count > asked + len(proven) else []
    return f"Of {counted(count, 'answer')}, {'; '.join(told)}." if count else ""


def cell(model: Mapping[str, Any]) -> str:
    """``6591e0a ✓✓``."""
    state = cell_state(model)
    if state == MISSING:
        return f"{_NO_DIGEST} {SIGNS[MISSING][0]}{SIGNS[NOT_ASKED][0]}"
    listed = SIGNS[OTHER if state == OTHER else ANSWERED][0]
    return f"{str(model.get('digest') or _NO_DIGEST)[:7]} {listed}{SIGNS[answer_state(model)][0]}"


def _hosts(instances: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in instances:
        groups.setdefault(entry["host"], []).append(entry)
    return list(groups.values())


def _host_rows(entries: Sequence[Mapping[str, Any]], compact: bool) -> list[Row]:
    """A line for the host, then one per instance; in a large fleet a host that is well is one line."""
    versions = ", ".join(sorted({entry["version"] or "no version" for entry in entries}))
    cells = [{model["name"]: cell(model) for model in entry["models"]} for entry in entries]
    host = f"{entries[0]['host']} ({versions})"
    if compact and all(entry["ok"] for entry in entries) and all(one == cells[0] for one in cells):
        return [(f"{host} × {len(entries)}", cells[0])]
    names = [f"  {entry['name']} {_port(entry['url'])}".rstrip() for entry in entries]
    return [(host, {}), *zip(names, cells)]


def _port(url: str) -> str:
    port = url.rstrip("/").rpartition(":")[2]
    return port if port.isdigit() else ""


def _blocks(models: Sequence[str], room: int) -> Iterable[list[str]]:
    block: list[str] = []
    used = 0
    for name in models:
        needed = len(_GAP) + _column(name)
        if block and used + needed > room:
            yield block
            block, used = [], 0
        block.append(name)
        used += needed
    if block:
        yield block


def _column(name: str) -> int:
    return max(_CELL, min(len(name), _NAME))


def _block(models: Sequence[str], rows: Sequence[Row], label: int, width: int) -> list[str]:
    heads = [short(name, _NAME).ljust(_column(name)) for name in models]
    lines = [_GAP.join([" " * label, *heads]).rstrip()]
    for text, cells in rows:
        columns = [cells.get(name, "").ljust(_column(name)) for name in models]
        shown = short(text, label if cells else width)
        lines.append(_GAP.join([shown.ljust(label), *columns]).rstrip())
    return lines
