# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``gateway_keys``: the files first, so that no restart brings a revoked key back, then what runs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.gateway_keys import FILES, Entries, compare, keys_from, map_text, parse_map, plan_keys, wanted_entries
from ..gateway.errors import GONE, GatewayError
from ..gateway.files import mode_and_group, own_folder, read_text, replace
from ..gateway.runtime import Runtime
from .run import Work

_MODE = 0o640


@dataclass(frozen=True)
class _Actual:
    """What the files say, which of them have to be written, and the maps that the running gateway has by file."""

    entries: Mapping[str, Entries]
    stale: tuple[str, ...]
    maps: Mapping[str, str]
    behind: tuple[str, ...]


def prepare_keys(params: Mapping[str, Any]) -> Work:
    """The five steps of ``gateway_keys``. No key and no hash of one is in anything that it returns."""
    keys = keys_from(params["keys"])
    wanted = wanted_entries(keys)
    runtime = Runtime(params["run_dir"], params["timeout"], params["wait"]) if params["run_dir"] else None
    actual = _look(params, runtime, wanted)
    result = {
        "clients": [{"name": key.name, "admin": key.admin} for key in keys],
        **compare(actual.entries, wanted).as_dict(),
        "synced": bool(actual.maps),
    }

    def apply() -> Mapping[str, Any]:
        _write(params, wanted, actual.stale)
        return {"synced": _exchange(runtime, wanted)}

    return Work(plan_keys(actual.entries, wanted, actual.stale, actual.behind), result, apply)


def _look(params: Mapping[str, Any], runtime: Runtime | None, wanted: Mapping[str, Entries]) -> _Actual:
    entries: dict[str, Entries] = {}
    stale = []
    for file in FILES:
        path = os.path.join(params["conf_dir"], file)
        mode = mode_and_group(path)
        found = parse_map(read_text(path)) if mode else None
        entries[file] = found or {}
        group = params["gid"] if params["gid"] is not None else (mode or (0, 0))[1]
        if found != wanted[file] or mode != (_MODE, group):
            stale.append(file)
    maps = _maps(runtime)
    behind = [file for file, path in maps.items() if runtime and _differs(runtime, path, wanted[file])]
    return _Actual(entries, tuple(stale), maps, tuple(behind))


def _maps(runtime: Runtime | None) -> dict[str, str]:
    """The path of each map in the running gateway; none of what it does not use, or when it is not there."""
    if runtime is None:
        return {}
    try:
        found = {file: runtime.maps.find(file) for file in FILES}
    except GatewayError as error:
        if error.kind != GONE:
            raise
        return {}
    return {file: path for file, path in found.items() if path}


def _differs(runtime: Runtime, path: str, wanted: Entries) -> bool:
    return sorted(runtime.maps.entries(path)) != sorted(wanted.items())


def _write(params: Mapping[str, Any], wanted: Mapping[str, Entries], stale: tuple[str, ...]) -> None:
    gid = -1 if params["gid"] is None else params["gid"]
    with own_folder(params["conf_dir"], time.monotonic, time.sleep) as folder:
        for file in stale:
            replace(folder, file, map_text(file, wanted[file]), _MODE, -1, gid)


def _exchange(runtime: Runtime | None, wanted: Mapping[str, Entries]) -> bool:
    """Whether the running gateway has the keys now. One that started meanwhile may have read the old files."""
    maps = _maps(runtime)
    for file, path in maps.items():
        if runtime and _differs(runtime, path, wanted[file]):
            runtime.maps.replace(path, wanted[file])
    return bool(maps)
