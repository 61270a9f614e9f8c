# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a fleet as text: hosts that are alike once, with what each of them will run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .columns import short, wrapped
from .fleet_plan import headline

WIDTH = 100
_HEADS = ("instance", "port", "GPU", "data volume", "resident")
_GAP = "  "
_OWN = ("host", "address")


def plan_table(plan: Mapping[str, Any], width: int = WIDTH) -> str:
    """The whole plan for people, no line longer than ``width``."""
    lines = wrapped(headline(plan), width)
    for rows in _alike(plan["hosts"]):
        lines += ["", *wrapped(", ".join(str(row["host"]) for row in rows), width), *_one(rows[0], width)]
    if plan["problems"]:
        lines.append("")
    for problem in plan["problems"]:
        lines += wrapped(f"✗ {problem}", width, "  ")
    return "\n".join(lines).rstrip()


def _alike(hosts: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Two hundred hosts are a few kinds of hosts."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in hosts:
        key = repr([(name, value) for name, value in row.items() if name not in _OWN])
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _one(row: Mapping[str, Any], width: int) -> list[str]:
    facts = [
        ("image", row["image"]),
        ("GPUs", _gpus(row)),
        ("models", ", ".join(_model(one) for one in row["models"]) or "none"),
        ("store", row["store_volume"]),
        ("gateway", row["gateway"] or "none"),
    ]
    lines = [f"  {line}" for label, text in facts for line in wrapped(f"{label:<8} {text}", width - 2, " " * 9)]
    if row["instances_by"] == "host":
        resident = f"; resident: {', '.join(row['residents'])}" if row["residents"] else ""
        text = f"An instance for each GPU, from port {row['base_port']} on; the host says how many{resident}."
        return [*lines, *(f"  {line}" for line in wrapped(text, width - 2))]
    return [*lines, *_table([_HEADS, *map(_cells, row["instances"])], width)] if row["instances"] else lines


def _gpus(row: Mapping[str, Any]) -> str:
    if row["gpus_by"] == "none":
        return "none"
    dealt = "those that the host has, pinned by UUID" if row["gpus_by"] == "host" else "as declared"
    return f"{dealt} ({row['gpu_vendor']}, by {row['gpu_runtime']})"


def _model(one: Mapping[str, Any]) -> str:
    pin = f" at {one['digest'][:12]}" if one["digest"] else ""
    return f"{one['name']}{pin}" + ("" if one["state"] == "present" else f" ({one['state']})")


def _cells(one: Mapping[str, Any]) -> tuple[str, ...]:
    gpus, residents = ", ".join(one["gpus"]) or "–", ", ".join(one["residents"]) or "–"
    return one["name"], str(one["port"]), gpus, one["data_volume"], residents


def _table(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    # What has to give is what may be long: residents first, then GPUs.
    for column, least in ((4, 12), (2, 12)):
        over = 2 + sum(widths) + len(_GAP) * (len(widths) - 1) - width
        widths[column] = max(min(widths[column], least), widths[column] - max(over, 0))
    shown = ([short(cell, size).ljust(size) for cell, size in zip(row, widths)] for row in rows)
    return [("  " + _GAP.join(row)).rstrip()[:width] for row in shown]
