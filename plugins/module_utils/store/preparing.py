# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at a directory that is, or is to be, a store; and making it one."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from ..core.errors import CorralError
from ..core.mounts import Mount, lock_problem, mount_of
from ..core.ownership import DIRECTORIES, Directory, Marker, is_adopted, parse_marker
from ..core.plans import Step
from .files import NotAFile, fsync_dir, lstat, make_directory, os_errors, read_plain, what_is, write_whole
from .layout import StorePaths

_MOUNTS = "/proc/self/mountinfo"


def read_directory(paths: StorePaths) -> Directory:
    """What is there now, without following links. Anything but a directory where one belongs is an error."""
    with os_errors("read", paths.root):
        modes = {}
        for name in ("", *(name for name, _mode in DIRECTORIES)):
            path = os.path.join(paths.root, name) if name else paths.root
            found = lstat(path)
            if found is None:
                continue
            if not stat.S_ISDIR(found.st_mode):
                raise NotAFile(
                    f"{path} is {what_is(found.st_mode)}, where a directory must be.",
                    kind="not_a_directory",
                    remedy="Remove it by hand after a look at it, or give another path.",
                    path=path,
                )
            modes[name] = stat.S_IMODE(found.st_mode)
        entries = frozenset(os.listdir(paths.root)) if "" in modes else frozenset()
        marker = _read_marker(paths)
    return Directory(paths.root, entries, modes, marker)


def space(path: str) -> dict[str, int]:
    """``free_bytes`` (for everybody, not for root alone) and ``total_bytes`` where the path is or would be."""
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    with os_errors("ask for the free space of", path):
        answer = os.statvfs(path)
    return {"free_bytes": answer.f_bavail * answer.f_frsize, "total_bytes": answer.f_blocks * answer.f_frsize}


def mount_under(path: str) -> Mount | None:
    """What is mounted where ``path`` lies, or would lie."""
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    with os_errors("read", _MOUNTS), open(_MOUNTS, encoding="utf-8", errors="replace") as file:
        return mount_of(file.read(), os.path.realpath(path))


def refuse_local_locks(path: str) -> None:
    """Raise where the locks of one host would not keep out another, as far as the kernel tells."""
    problem = lock_problem(mount_under(path))
    if problem:
        raise CorralError(
            f"The store {path} is to be shared by several hosts, and {problem}: its locks keep out no other host.",
            kind="local_locks",
            remedy="Mount it without these options (NFS 4 needs none), on every host.",
            path=path,
        )


def make_ready(paths: StorePaths, found: Directory, steps: Iterable[Step], shared: bool = False) -> None:
    """Apply the steps of ``plan_store``. Each can be done again after an interruption."""
    adopted = is_adopted(found)
    actions: dict[str, Callable[[Step], Any]] = {
        "create_directory": lambda step: _create(paths, step),
        "set_mode": lambda step: os.chmod(step.target, int(step.detail, 8)),
        "mark": lambda step: _mark(paths, found, Marker(step.detail, "", adopted, shared)),
    }
    for step in steps:
        with os_errors(step.action.replace("_", " "), step.target):
            actions[step.action](step)


def _create(paths: StorePaths, step: Step) -> None:
    if step.target == paths.root:
        os.makedirs(os.path.dirname(paths.root), exist_ok=True)
    make_directory(step.target, int(step.detail or "0755", 8))


def _mark(paths: StorePaths, found: Directory, marker: Marker) -> None:
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    marker = replace(marker, created=found.marker.created if found.marker else now)
    write_whole(paths.owner, marker.as_bytes(), paths.tmp, 0o644)
    fsync_dir(paths.root)


def _read_marker(paths: StorePaths) -> Marker | None:
    if lstat(paths.owner) is None:
        return None
    marker = parse_marker(read_plain(paths.owner, 64 * 1024))
    if marker is None:
        raise CorralError(
            f"{paths.owner} does not say whose the store is.",
            kind="foreign_store",
            remedy="If the store is this project's, remove that file and run with adopt: true.",
            path=paths.owner,
        )
    return marker
