# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules ``image_history`` and ``image_prune``: which images instances ran, and letting old ones go."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from ..core.errors import CorralError
from ..core.images import Image, Remembered, Verdict, remember, running_images, verdicts
from ..core.plans import Plan, Step
from ..core.units import human_bytes
from ..engine import images
from ..engine.client import connect, speaking
from ..engine.containers import project_containers, project_instances
from ..store.files import NotAFile, lstat, read_plain
from .image_memory import ImageMemory
from .run import Work

_UP = "running"
_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_RECORD_LIMIT = 16 * 1024 * 1024


def prepare_history(params: Mapping[str, Any]) -> Work:
    """What runs now goes to the head of the memory."""
    memory = ImageMemory(params["path"])
    api = connect(params["engine_timeout"])
    with speaking():
        instances = project_instances(api, project_containers(api, params["project"]))
    running = running_images(one for one in instances if one["state"] == _UP)
    before = memory.read()
    after = remember(before, running, time.time(), params["versions"])
    plan = Plan(warnings=tuple(memory.warnings))
    if after != before:
        steps = tuple(Step("remember", one.id, ", ".join(one.references)) for one in after[: len(running)])
        plan = Plan(steps, _shown(before), _shown(after), tuple(memory.warnings))

    def apply() -> Mapping[str, Any]:
        memory.write(after)
        return {}

    return Work(plan, {"images": [_row(one) for one in after]}, apply)


def prepare_prune(params: Mapping[str, Any]) -> Work:
    """Those of the memory that nothing needs go; what uses them is looked at again before each."""
    memory = ImageMemory(params["path"])
    remembered = memory.read()
    api = connect(params["engine_timeout"])
    with speaking():
        rows = _judge(api, remembered, params)
    going = [row for row in rows if row.go]
    left = [row for row in rows if not row.go]
    steps = tuple(Step("remove", row.image.id, f"{_named(row)}, {human_bytes(row.size)}") for row in going)
    plan = Plan(steps, _shown(row.image for row in rows), _shown(row.image for row in left), tuple(memory.warnings))
    result = {"images": [row.as_dict() for row in rows], "bytes_freed": sum(row.size for row in going)}
    return Work(plan, result, lambda: _remove(api, remembered, rows, params))


def _judge(api: Any, remembered: tuple[Remembered, ...], params: Mapping[str, Any]) -> tuple[Verdict, ...]:
    found = {one.id: images.look(api, f"sha256:{one.id}") for one in remembered}
    there: dict[str, Image] = {name: image for name, image in found.items() if image is not None}
    return verdicts(remembered, there, _used(api, params), params["keep"])


def _used(api: Any, params: Mapping[str, Any]) -> dict[str, str]:
    """By image id why it stays: what a rollout may go back to, what is declared, what containers were made from."""
    used = dict.fromkeys(_in_record(params["rollout_path"] or ""), "a rollout may go back to it")
    declared = images.look(api, params["image"]) if params["image"] else None
    if declared is not None:
        used[declared.id] = f"{params['image']} is declared"
    for image, names in images.users(api).items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        used[image] = f"the container {sorted(names)[0]}{more} was made from it"
    return used


def _in_record(path: str) -> set[str]:
    """Everything in the record that may be the id of an image: to name too many only keeps too many."""
    if not path or lstat(path) is None:
        return set()
    try:
        return set(_ID.findall(read_plain(path, _RECORD_LIMIT).decode("utf-8", "replace")))
    except (OSError, NotAFile) as error:
        raise CorralError(
            f"The record of the last rollout, {path}, cannot be read: {error}. It may name images that are needed to go"
            " back, so none was removed.",
            kind="bad_rollout_record",
            remedy="Look at that file; once no rollout is unfinished, it may be removed.",
            path=path,
        ) from error


def _remove(
    api: Any, remembered: tuple[Remembered, ...], rows: tuple[Verdict, ...], params: Mapping[str, Any]
) -> dict[str, Any]:
    told = {row.image.id: row.as_dict() for row in rows}
    gone: list[str] = []
    for row in (row for row in rows if row.go):
        with speaking():
            why = _used(api, params).get(row.image.id) or images.drop(api, row.image.id, row.tags)
        if why:
            told[row.image.id].update(action="keep", reason=why)
        else:
            gone.append(row.image.id)
    ImageMemory(params["path"]).write(tuple(one for one in remembered if one.id not in gone))
    freed = sum(row.size for row in rows if row.image.id in gone)
    return {"images": list(told.values()), "bytes_freed": freed, "changed": bool(gone)}


def _shown(memory: Any) -> dict[str, Any]:
    return {"images": [f"{one.id[:12]} {', '.join(one.references)}" for one in memory]}


def _row(one: Remembered) -> dict[str, Any]:
    return {"id": one.id, "references": list(one.references), "version": one.version}


def _named(row: Verdict) -> str:
    return ", ".join(row.tags or row.image.references) or row.image.id[:12]
