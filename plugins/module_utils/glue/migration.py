# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file on the host that holds the record of a migration: read, judged, and written before each step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..core.errors import CorralError
from ..core.migration import STARTED, Record, begun, parse_record, reached, require_way
from ..core.migration_view import Fleet, obstacles, parked, todo, view
from ..core.plans import Plan, Step
from ..core.problems import raise_all
from ..store.files import lstat, os_errors, read_plain, write_private
from .run import Work

_LIMIT = 16 * 1024 * 1024
NOTHING_FOUND: Mapping[str, Any] = {"containers": [], "trees": [], "problems": []}


def read_record(path: str) -> Record | None:
    """``None`` without one; raises where there is something else, as it may be all that knows the old layout."""
    with os_errors("read the record of the migration", path):
        if lstat(path) is None:
            return None
        raw = read_plain(path, _LIMIT)
    record = parse_record(raw) if len(raw) <= _LIMIT else None
    if record is None:
        raise CorralError(
            f"{path} is not readable as the record of a migration.",
            kind="bad_migration",
            remedy="Look at it, and bring back a copy. Without one, note how the old containers are, and move it away.",
            path=path,
        )
    return record


def parked_by(path: str | None) -> tuple[str, ...]:
    """The containers that a migration stopped; none without its record."""
    return parked(read_record(path)) if path else ()


def prepare_migration(params: Mapping[str, Any]) -> Work:
    """The five steps of the module ``migration``."""
    path, phase = params["path"], params["phase"]
    found = params["found"] if params["found"] is not None else NOTHING_FOUND
    actual = read_record(path)
    if params["found"] is not None:
        fleet = Fleet(params["project"], params["count"], params["store_volume"] or f"{params['project']}_models")
        raise_all(obstacles(actual, found, fleet))
    if not phase:
        return Work(result={"migration": _shown(actual, found, params)})
    require_way(actual, phase, path)
    wanted = _wanted(actual, found, params)
    plan = Plan() if wanted == actual else Plan(_steps(actual, wanted, path), _state(actual), _state(wanted))

    def apply() -> Mapping[str, Any]:
        write_private(path, wanted.as_bytes(), "write the record of the migration")
        return {}

    return Work(plan, {"migration": _shown(wanted, found, params)}, apply)


def _wanted(actual: Record | None, found: Mapping[str, Any], params: Mapping[str, Any]) -> Record:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if params["phase"] == STARTED or actual is None:
        store = {"volume": params["store_volume"] or f"{params['project']}_models", "path": params["store_path"] or ""}
        return begun(actual, found, params["project"], store, now)
    return reached(actual, params["phase"], now, params["merge"])


def _steps(actual: Record | None, wanted: Record, path: str) -> tuple[Step, ...]:
    before = actual.phase if actual else "nothing"
    return (Step("record", path, f"{before} → {wanted.phase}"),)


def _state(record: Record | None) -> dict[str, Any]:
    if record is None:
        return {"phase": ""}
    names = {"containers": [row["name"] for row in record.containers], "trees": [row["path"] for row in record.trees]}
    return {"phase": record.phase, **names}


def _shown(record: Record | None, found: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The record with what follows from it; before there is one, that of the migration that would begin."""
    store = {"volume": params["store_volume"] or f"{params['project']}_models", "path": params["store_path"] or ""}
    open_work = todo(record, found) if params["found"] is not None else False
    shown = begun(record, found, params["project"], store, "") if open_work or record is None else record
    return {**shown.as_dict(), "phase": record.phase if record else "", "todo": open_work, **view(shown)}
