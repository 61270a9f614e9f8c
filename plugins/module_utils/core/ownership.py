# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a directory is, and what it takes to make it a store that a fleet shares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import CorralError
from .leases import STORE
from .plans import Plan, Step

#: Directories below the store, in the order in which they are made, with the permissions they need.
#: Readers in containers may be anybody: what servers read is open, what only Corral writes is not.
DIRECTORIES = (
    (".corral", 0o700),
    (".corral/tmp", 0o700),
    (".corral/incoming", 0o700),
    (".corral/incoming/blobs", 0o755),
    (".corral/incoming/manifests", 0o755),
    ("blobs", 0o755),
    ("manifests", 0o755),
)
#: Entries that say nothing about whose the directory is: our own, half made, and that of a fresh file system.
_NEUTRAL = frozenset({".corral", ".corral.lease", "lost+found"})
_STORE_LIKE = frozenset({"blobs", "manifests"})


class ForeignStore(CorralError):
    """The directory belongs to somebody else."""

    kind = "foreign_store"


def not_ready(root: str, missing: str) -> CorralError:
    """For whoever needs one of Corral's own directories, which is not there yet."""
    return STORE.error(root, missing)


@dataclass(frozen=True)
class Marker:
    """``.corral/owner.json``."""

    project: str
    created: str
    adopted: bool = False
    #: Several hosts write to it, so that their own clocks do not count.
    shared: bool = False

    def as_bytes(self) -> bytes:
        document = {"schema": 1, "project": self.project, "created": self.created, "adopted": self.adopted}
        if self.shared:
            document["shared"] = True
        return (json.dumps(document, indent=1) + "\n").encode()


@dataclass(frozen=True)
class Directory:
    """What is there. ``modes`` gives the permissions of those of the store's directories that exist ("" is itself)."""

    path: str
    entries: frozenset[str]
    modes: Mapping[str, int]
    marker: Marker | None


def parse_marker(raw: bytes) -> Marker | None:
    """The marker in a file's bytes; ``None`` when it is none."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, Mapping) or not isinstance(document.get("project"), str):
        return None
    adopted, shared = document.get("adopted") is True, document.get("shared") is True
    return Marker(document["project"], str(document.get("created", "")), adopted, shared)


def plan_store(found: Directory, project: str, adopt: bool, shared: bool = False) -> Plan:
    """The steps that make it the store of ``project``; raises ``ForeignStore``. What is shared stays so."""
    _refuse_foreign(found, project, adopt)
    steps = [Step("create_directory", found.path)] if "" not in found.modes else []
    if "" in found.modes and found.modes[""] & 0o755 != 0o755:
        steps.append(Step("set_mode", found.path, "0755"))
    for name, mode in DIRECTORIES:
        if name not in found.modes:
            steps.append(Step("create_directory", f"{found.path}/{name}", f"{mode:04o}"))
        elif found.modes[name] & mode != mode or (mode == 0o700 and found.modes[name] != mode):
            steps.append(Step("set_mode", f"{found.path}/{name}", f"{mode:04o}"))
    if found.marker is None or (shared and not found.marker.shared):
        # after the private directories and before the others: whatever interrupts it, nothing looks foreign later
        private = sum(step.target.startswith(f"{found.path}/.corral") or step.target == found.path for step in steps)
        steps.insert(private, Step("mark", found.path, project))
    return Plan(
        steps=tuple(steps),
        before=_shown(found, found.marker.project if found.marker else "", found.modes),
        after=_shown(found, project, {"": 0o755, **found.modes, **dict(DIRECTORIES)}),
    )


def is_adopted(found: Directory) -> bool:
    """Whether the directory had content of its own before it was marked."""
    return found.marker.adopted if found.marker else bool(found.entries - _NEUTRAL)


def _shown(found: Directory, project: str, modes: Mapping[str, int]) -> dict[str, Any]:
    directories = {name: f"{mode:04o}" for name, mode in sorted(modes.items()) if name}
    return {"path": found.path, "project": project, "exists": "" in modes, "directories": directories}


def _refuse_foreign(found: Directory, project: str, adopt: bool) -> None:
    if found.marker is not None:
        if found.marker.project != project:
            raise ForeignStore(
                f"{found.path} is the store of the project {found.marker.project}, not of {project}.",
                remedy="Give each project a store of its own, or set the project's name to that one.",
                path=found.path,
                project=found.marker.project,
            )
        return
    content = sorted(found.entries - _NEUTRAL)
    if not content or (adopt and _STORE_LIKE & found.entries):
        return
    shown = ", ".join(content[:5]) + (", …" if len(content) > 5 else "")
    looks = "looks like an Ollama store" if _STORE_LIKE & found.entries else "does not look like an Ollama store"
    raise ForeignStore(
        f"{found.path} is not empty ({shown}) and was not made by Corral; it {looks}.",
        remedy="Use an empty directory"
        + (", or take this one over with adopt: true." if _STORE_LIKE & found.entries else "."),
        path=found.path,
        entries=content[:20],
    )
