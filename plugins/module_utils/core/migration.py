# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a migration on a host: what there was before, how far it has come, and what may follow.

It is written before each step, and what a container was like is noted once, before anything touches it: a run after a
crash finds the containers stopped, and must not take that for what they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import CorralError

SCHEMA = 1
STARTED, MERGED, VERIFIED = "started", "merged", "verified"
ROLLING_BACK, ROLLED_BACK = "rolling_back", "rolled_back"
RECLAIMING, RECLAIMED = "reclaiming", "reclaimed"
PHASES = (STARTED, MERGED, VERIFIED, ROLLING_BACK, ROLLED_BACK, RECLAIMING, RECLAIMED)

#: From which phases one may come; "" is a host without a record.
_FROM: Mapping[str, tuple[str, ...]] = {
    STARTED: ("", STARTED, MERGED, VERIFIED, ROLLING_BACK, ROLLED_BACK, RECLAIMED),
    MERGED: (STARTED, MERGED),
    VERIFIED: (MERGED, VERIFIED),
    ROLLING_BACK: (STARTED, MERGED, VERIFIED, ROLLING_BACK),
    ROLLED_BACK: (ROLLING_BACK, ROLLED_BACK),
    RECLAIMING: (VERIFIED, RECLAIMING),
    RECLAIMED: (RECLAIMING, RECLAIMED),
}
#: What was captured is of the past: the containers are as they were, or gone.
_OVER = (ROLLED_BACK, RECLAIMED)
_CONTAINER = {"name": str, "id": str, "running": bool, "restart_policy": str, "restart_retries": int, "ports": list}
_TREE = {"name": str, "path": str, "volume": str, "containers": list, "in_place": bool}
_REMEDY = {
    ROLLING_BACK: "Start again with the playbook migrate; what was reclaimed is gone.",
    RECLAIMING: "Run the playbook migrate to its end: it verifies every instance.",
    STARTED: "Finish what is being removed first (playbook migrate_reclaim).",
}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """``since``: when each phase was reached. ``merge``: what the merge found and brought, {} before it."""

    project: str
    phase: str
    since: Mapping[str, str]
    store: Row
    containers: tuple[Row, ...] = ()
    trees: tuple[Row, ...] = ()
    merge: Row = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        rows = {"containers": [dict(row) for row in self.containers], "trees": [dict(row) for row in self.trees]}
        head = {"schema": SCHEMA, "project": self.project, "phase": self.phase, "since": dict(self.since)}
        return {**head, "store": dict(self.store), **rows, "merge": dict(self.merge)}

    def as_bytes(self) -> bytes:
        return (json.dumps(self.as_dict(), indent=1, ensure_ascii=False) + "\n").encode()

    @property
    def over(self) -> bool:
        return self.phase in _OVER


def parse_record(raw: bytes) -> Record | None:
    """The record in a file's bytes; ``None`` for anything that no record can be."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA or document.get("phase") not in PHASES:
        return None
    if not isinstance(document.get("project"), str) or not _sound(document):
        return None
    containers, trees = (tuple(document[name]) for name in ("containers", "trees"))
    since, store, merge = (document[name] for name in ("since", "store", "merge"))
    return Record(document["project"], document["phase"], since, store, containers, trees, merge)


def _sound(document: Row) -> bool:
    maps = all(isinstance(document.get(name), Mapping) for name in ("since", "store", "merge"))
    stored = maps and all(isinstance(document["store"].get(name), str) for name in ("volume", "path"))
    return stored and _rows_like(document.get("containers"), _CONTAINER) and _rows_like(document.get("trees"), _TREE)


def _rows_like(rows: Any, form: Mapping[str, type]) -> bool:
    return isinstance(rows, list) and all(
        isinstance(row, Mapping) and all(isinstance(row.get(name), kind) for name, kind in form.items()) for row in rows
    )


def require_way(record: Record | None, phase: str, where: str) -> None:
    """Raise unless the phase may follow the one that the record is in."""
    found = record.phase if record else ""
    if found in _FROM[phase]:
        return
    state = f"is {found.replace('_', ' ')}" if found else "was never begun"
    remedy = _REMEDY.get(phase, "Run the playbook migrate.") if found else "Run the playbook migrate first."
    if found == RECLAIMING and phase == ROLLING_BACK:
        remedy = "The old layout is no longer whole. Finish with the playbook migrate_reclaim."
    raise CorralError(
        f"The migration {state} ({where}), so it cannot become {phase.replace('_', ' ')}.",
        kind="migration_phase",
        remedy=remedy,
        path=where,
        found=found,
        expected=list(_FROM[phase]),
    )


def begun(record: Record | None, found: Row, project: str, store: Row, now: str) -> Record:
    """The record with which the work begins, or goes on: what is known stays, what is new is added."""
    old = record if record is not None and not record.over else Record(project, "", {}, store)
    containers = _with_new(old.containers, found["containers"])
    trees = _with_trees(old.trees, found["trees"])
    same = record is not None and record.phase == STARTED and (containers, trees) == (record.containers, record.trees)
    if same and record is not None and record.store == store:
        return record
    return Record(project, STARTED, {STARTED: now}, store, containers, trees)


def reached(record: Record, phase: str, now: str, merge: Row | None = None) -> Record:
    """The record one phase later; in the phase already, it stays as it is but for what the merge reports."""
    since = record.since if record.phase == phase else {**record.since, phase: now}
    return replace(record, phase=phase, since=since, merge=record.merge if merge is None else merge)


def news(record: Record, found: Row) -> list[str]:
    """Containers and trees that the record does not know, and those of its containers that run (again)."""
    ids = {row["id"] for row in record.containers}
    paths = {row["path"] for row in record.trees}
    fresh = [row["name"] for row in found["containers"] if row["id"] not in ids or row["running"]]
    return [*fresh, *(row["name"] for row in found["trees"] if row["path"] not in paths)]


def _with_new(old: Iterable[Row], found: Iterable[Row]) -> tuple[Row, ...]:
    """By id. One that was made anew under its old name is another container, and what it is like now counts."""
    known = {row["id"]: row for row in old}
    fresh = {row["id"]: row for row in found if row["id"] not in known}
    renewed = {row["name"] for row in fresh.values()}
    kept = [row for row in known.values() if row["name"] not in renewed]
    return tuple(sorted([*kept, *fresh.values()], key=lambda row: str(row["name"])))


def _with_trees(old: Iterable[Row], found: Iterable[Row]) -> tuple[Row, ...]:
    """By path; a name stays what it was, as reports go by it, and no two have the same."""
    trees = {row["path"]: dict(row) for row in old}
    for row in found:
        if row["path"] in trees:
            users = trees[row["path"]]["containers"]
            trees[row["path"]]["containers"] = sorted({*users, *row["containers"]})
            continue
        names = {tree["name"] for tree in trees.values()}
        name = row["name"]
        while name in names:
            name += "'"
        trees[row["path"]] = {**row, "name": name, "containers": sorted(row["containers"])}
    return tuple(trees[path] for path in sorted(trees))
