# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pruning found, for programs and for people; bounded, however much rubbish there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .plans import Plan, Step
from .prune_marks import Mark
from .prune_plan import MODEL, REMOVE, WAIT, Candidate
from .units import human_bytes, human_seconds

LIMIT = 1000
_SHOWN = 40
_WORDS = {
    "model": "undeclared model",
    "orphan": "orphan blob",
    "partial": "abandoned download",
    "staged": "left in staging",
    "temp": "temporary file",
    "quarantine": "in quarantine",
    "past": "superseded manifest",
    "stray": "unknown file",
    "empty": "empty directory",
}


def prune_plan(candidates: Sequence[Candidate], before: Mapping[str, Mark], after: Mapping[str, Mark]) -> Plan:
    """The marks first, then one step for each removal; beyond LIMIT one for all of a kind."""
    going = [one for one in candidates if one.action == REMOVE]
    steps = []
    if dict(before) != dict(after):
        detail = f"{len(set(after) - set(before))} begin to wait, {len(set(before) - set(after))} are settled"
        steps.append(Step("mark", "candidates.json", detail))
    if len(going) <= LIMIT:
        steps += [Step("remove", one.as_dict()["path"], one.why) for one in going]
    else:
        kinds = summary(going)
        steps += [Step("remove", f"{kinds[kind]['count']} of the kind {kind}") for kind in kinds]
    shown = {one.as_dict()["path"]: one.bytes for one in going[:LIMIT]}
    models = sorted(one.item.name for one in going if one.item.kind == MODEL)
    warnings = (
        [f"Removing {', '.join(models)} affects every instance of this store: none of them lists it any more."]
        if models
        else []
    )
    marks = {"before": len(before), "after": len(after)}
    return Plan(
        tuple(steps),
        {"files": shown, "waiting": marks["before"]},
        {"files": {}, "waiting": marks["after"]},
        tuple(warnings),
    )


def prune_result(candidates: Sequence[Candidate], free: int, freed: int | None = None) -> dict[str, Any]:
    """The result of the module; at most LIMIT rows, those that go first. ``freed``: what it brought, once done."""
    return {
        "candidates": [one.as_dict() for one in candidates[:LIMIT]],
        "candidates_left_out": max(0, len(candidates) - LIMIT),
        "summary": summary(candidates),
        "bytes_reclaimable": sum(one.bytes for one in candidates if one.action == REMOVE),
        "bytes_waiting": sum(one.bytes for one in candidates if one.action == WAIT)
        + sum(one.item.later for one in candidates if one.action == REMOVE),
        "bytes_freed": freed or 0,
        "free_bytes": free,
        "table": prune_table(candidates, free, freed),
    }


def summary(candidates: Sequence[Candidate]) -> dict[str, dict[str, int]]:
    """Per kind: how many, their bytes, and how many of them go."""
    kinds: dict[str, dict[str, int]] = {}
    for one in candidates:
        row = kinds.setdefault(one.item.kind, {"count": 0, "bytes": 0, "remove": 0})
        row["count"] += 1
        row["bytes"] += one.bytes
        row["remove"] += one.action == REMOVE
    return kinds


def prune_table(candidates: Sequence[Candidate], free: int, freed: int | None = None) -> list[str]:
    """Lines for people, the largest of each verdict first."""
    going = sum(one.bytes for one in candidates if one.action == REMOVE)
    waiting = sum(one.bytes for one in candidates if one.action == WAIT)
    count = sum(one.action == REMOVE for one in candidates)
    what = f"{count} may go ({human_bytes(going)})" if freed is None else f"{count} went ({human_bytes(freed)} freed)"
    head = f"{what}, {human_bytes(waiting)} wait, {human_bytes(free)} are free"
    ranked = sorted(candidates, key=lambda one: (("remove", "wait", "keep").index(one.action), -one.bytes))
    lines = [head, *(_line(one) for one in ranked[:_SHOWN])]
    return lines + ([f"… and {len(ranked) - _SHOWN} more"] if len(ranked) > _SHOWN else [])


def _line(one: Candidate) -> str:
    row = one.as_dict()
    what = one.item.name or row["path"]
    what = what if len(what) <= 60 else f"{what[:36]}…{what[-23:]}"
    age = human_seconds(one.age)
    return f"{one.action:6} {human_bytes(one.bytes):>9} {age:>12}  {_WORDS[one.item.kind]} {what}: {one.why}"[:400]
