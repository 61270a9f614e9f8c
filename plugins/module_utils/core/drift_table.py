# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The drift as text: models and hosts down, and who has which digest across."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .columns import counted, short, wrapped
from .units import human_bytes

WIDTH = 100
LEGEND = "Digests by 7 digits.  – none  ! incomplete  ? unknown  instances: listing what counts, of all asked"
_HEADS = ("model", "hosts", "pin", "store", "instances", "registry", "update", "verdict")
_GAP = "  "
_NARROWEST = 8

Cells = tuple[str, ...]


def drift_table(report: Mapping[str, Any], width: int = WIDTH) -> str:
    """The whole report for people, no line longer than ``width``."""
    lines = [*wrapped(headline(report), width), ""]
    rows = _merged(report)
    if rows:
        lines += [*_table([_HEADS, *rows], width), "", *wrapped(LEGEND, width), ""]
    for problem in report["problems"]:
        lines += wrapped(f"✗ {problem}", width, "  ")
    for note in report["notes"]:
        lines += wrapped(f"· {note}", width, "  ")
    return "\n".join(lines).rstrip()


def headline(report: Mapping[str, Any]) -> str:
    """One sentence: how many of what, and the verdict."""
    count = report["summary"]
    verdict = counted(count["problems"], "problem") if count["problems"] else "no drift"
    update = f", {count['outdated']} outdated ({human_bytes(count['bytes_to_update'])} to download)"
    lock = "" if report["locked"] else ", no lock"
    hosts, models = counted(count["hosts"], "host"), counted(count["models"], "model")
    return f"Drift of {hosts}, {models}{lock}: {verdict}{update if count['outdated'] else ''}. {report['generated_at']}"


def cells(row: Mapping[str, Any]) -> Cells:
    """Everything of a row but its host, as it is shown."""
    instances = row["instances"]
    return (
        row["model"],
        row["wanted"][:7] or "–",
        (row["store"][:7] or "–") + ("" if row["complete"] or not row["store"] else "!"),
        f"{instances['agree']}/{instances['asked']}" if instances["asked"] else "–",
        row["registry"][:7] or ("?" if row["state"] != "absent" else "–"),
        human_bytes(row["bytes_to_update"]) if row["verdict"] == "outdated" or row["bytes_to_update"] else "–",
        row["verdict"],
    )


def _merged(report: Mapping[str, Any]) -> list[Cells]:
    """One line for all hosts that are the same about a model, by model."""
    groups: dict[Cells, list[str]] = {}
    for row in report["rows"]:
        groups.setdefault(cells(row), []).append(row["host"])
    order = list(dict.fromkeys(row["model"] for row in report["rows"]))
    ranked = sorted(groups.items(), key=lambda item: order.index(item[0][0]))
    return [(shown[0], _hosts(hosts), *shown[1:]) for shown, hosts in ranked]


def _hosts(hosts: list[str]) -> str:
    return hosts[0] if len(hosts) == 1 else f"{hosts[0]} +{len(hosts) - 1}"


def _table(rows: list[Cells], width: int) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    # What has to give is the names: first the longer of the two.
    while sum(widths) + len(_GAP) * (len(widths) - 1) > width and max(widths[:2]) > _NARROWEST:
        widths[widths.index(max(widths[:2]))] -= 1
    shown = ([short(cell, size).ljust(size) for cell, size in zip(row, widths)] for row in rows)
    return [_GAP.join(row).rstrip() for row in shown]
