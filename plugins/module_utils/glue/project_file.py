# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project file on the host, written for a few services at a time. Its text may hold secrets: it is for root alone,
and neither messages nor results carry any of it."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.plans import Plan, Step
from ..core.project_file import Merge, differing, image_of, merged
from ..core.project_yaml import MAX_BYTES, BadProject, Project, parse_project
from ..core.rollout_record import BEFORE, CHANGING, Rollout
from ..engine import images
from ..engine.client import connect, speaking
from ..store.files import lstat, os_errors, read_plain, write_beside
from .rollout_file import RolloutFile
from .run import Work

_MODE = 0o600


def read_project(path: str) -> Project | None:
    """The project file as it is; ``None`` without one, and raises for what is none."""
    with os_errors("read the project file", path):
        if lstat(path) is None:
            return None
        raw = read_plain(path, MAX_BYTES)
    try:
        return parse_project(raw.decode("utf-8"), f"The project file {path}")
    except UnicodeDecodeError:
        raise BadProject(f"{path} is not UTF-8.", remedy="See who writes to it.", path=path) from None


def prepare_project_file(params: Mapping[str, Any]) -> Work:
    """The five steps of the module ``project_file``."""
    path, names, which = params["path"], list(dict.fromkeys(params["services"])), params["source"]
    file = RolloutFile(params["rollout_path"], params["audit_path"] or "") if params["rollout_path"] else None
    rollout = file.read() if file else None
    there = read_project(path)
    source = _source(params, rollout)
    pins = _pins(source, rollout, names) if which == BEFORE and rollout else {}
    merge = merged(there, source, names, pins)
    todo = _unmarked(rollout, names, which)
    write = there is None or merge.text != there.text or _mode(path) != _MODE
    after = parse_project(merge.text, "The project file as it is to be")
    result = {
        "services": list(after.services),
        "taken": list(merge.taken),
        "dropped": list(merge.dropped),
        "differ": list(differing(after, source)),
        "pinned": sorted(set(pins) & set(names)),
    }

    def apply() -> Mapping[str, Any]:
        if file and todo:
            file.mark(params["token"], todo, CHANGING, source=which)
        with file.lease.writing(params["token"]) if file else nullcontext(), os_errors("write", path):
            write_beside(path, merge.text.encode("utf-8"), _MODE)
        return {}

    shown = {"differ": list(differing(there, source))}, {"differ": result["differ"]}
    return Work(Plan(_steps(path, merge, write, todo), *shown), result, apply)


def _source(params: Mapping[str, Any], rollout: Rollout | None) -> Project:
    if params["source"] == BEFORE:
        if rollout is None or not rollout.before:
            raise CorralError(
                f"There is no older project file on record ({params['rollout_path'] or 'no rollout_path was given'}).",
                kind="no_before",
                remedy="Write the definition that you want instead (source: desired).",
            )
        return parse_project(rollout.before, "The project file in the record of the rollout")
    if not params["definition"]:
        raise BadInput("definition is empty.", remedy="Give the text of the project file as it is to be.")
    return parse_project(params["definition"], "The wanted project file (definition)")


def _pins(source: Project, rollout: Rollout, names: Iterable[str]) -> dict[str, str]:
    """The services whose image is another one by now than the one that they ran: a tag has moved, or is gone."""
    ran = {one.name: one.image_id for one in rollout.members if one.image_id and one.name in names}
    wanted = {name: image_of(source, name) for name in ran if name in source.services}
    if not wanted:
        return {}
    api = connect()
    with speaking():
        ids = {image: images.present(api, image)[0] for image in set(wanted.values()) if image}
        pins = {name: ran[name] for name, image in wanted.items() if ids.get(image, "") != ran[name]}
        gone = {name: one for name, one in pins.items() if not images.present(api, f"sha256:{one}")[0]}
    if gone:
        told = ", ".join(f"{name} (sha256:{one})" for name, one in sorted(gone.items()))
        raise CorralError(
            f"The image that these instances ran before is not on this host any more: {told}.",
            kind="image_gone",
            remedy="Pull it by its digest, or deploy an image that can be pulled.",
            images=sorted(set(gone.values())),
        )
    return pins


def _unmarked(rollout: Rollout | None, names: Iterable[str], which: str) -> list[str]:
    """Those of the rollout of which the record does not say yet that they are changed to this definition."""
    members = {one.name: one for one in rollout.members} if rollout else {}
    chosen = [members[name] for name in names if name in members]
    return [one.name for one in chosen if (one.state, one.source) != (CHANGING, which)]


def _mode(path: str) -> int:
    found = lstat(path)
    return stat.S_IMODE(found.st_mode) if found else -1


def _steps(path: str, merge: Merge, write: bool, todo: Iterable[str]) -> tuple[Step, ...]:
    steps = [Step("mark", name, CHANGING) for name in todo]
    if write:
        detail = ", ".join([*merge.taken, *(f"without {name}" for name in merge.dropped)])
        steps.append(Step("write", path, detail or "for root alone"))
    return tuple(steps)
