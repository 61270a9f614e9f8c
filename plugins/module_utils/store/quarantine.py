# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged files are moved aside and kept until a prune: nothing that may still be looked at is destroyed in passing."""

from __future__ import annotations

import json
import os
import secrets
import stat
import time
from dataclasses import dataclass, field
from typing import Any

from .files import (
    NotAFile,
    fsync_dir,
    lstat,
    make_directory,
    os_errors,
    read_plain,
    require_directory,
    unlink_if_there,
    write_whole,
)
from .layout import StorePaths

REASON = "reason.json"
_FILE = "file"
_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Quarantined:
    """One entry; ``at`` in seconds since 1970, ``bytes`` what it takes on the disk."""

    path: str
    bytes: int
    at: float
    reason: dict[str, Any] = field(default_factory=dict)


def set_aside(paths: StorePaths, path: str, keep: bool = False, **reason: Any) -> str:
    """Move a file (or link, pipe, directory) out of the store by one rename. Returns where it lies now.

    ``reason`` (kind, digest, models, …) is written first. ``keep`` links it instead, for the caller to rename another
    file over it: then there is no moment without one. Call it under ``LeaseFile.writing``.
    """
    at = time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
    with os_errors("set aside", path):
        make_directory(paths.quarantine, 0o700)
        folder = os.path.join(paths.quarantine, f"{stamp}-{secrets.token_hex(4)}")
        make_directory(folder, 0o700)
        told = {"schema": 1, "at": at, "path": os.path.relpath(path, paths.root), **reason}
        write_whole(os.path.join(folder, REASON), json.dumps(told, sort_keys=True).encode(), paths.tmp, 0o600)
        aside = os.path.join(folder, _FILE)
        if keep and not stat.S_ISDIR(os.lstat(path).st_mode):
            os.link(path, aside, follow_symlinks=False)
        else:
            os.rename(path, aside)
        fsync_dir(folder)
        fsync_dir(os.path.dirname(path))
    return aside


def listed(paths: StorePaths) -> tuple[Quarantined, ...]:
    """Every entry, the oldest first; those whose reason is not readable included."""
    found = []
    require_directory(paths.quarantine)
    with os_errors("read", paths.quarantine):
        for name in os.listdir(paths.quarantine) if lstat(paths.quarantine) is not None else ():
            folder = os.path.join(paths.quarantine, name)
            stat_ = lstat(folder)
            if stat_ is not None:
                found.append(Quarantined(folder, _size(os.path.join(folder, _FILE)), stat_.st_mtime, _reason(folder)))
    return tuple(sorted(found, key=lambda entry: (entry.at, entry.path)))


def drop(paths: StorePaths, entry: Quarantined) -> None:
    """Remove an entry for good; one that is not below the quarantine is refused by ``ValueError``."""
    if os.path.dirname(entry.path) != paths.quarantine:
        raise ValueError(entry.path)
    with os_errors("remove", entry.path):
        _remove(entry.path)


def _remove(path: str) -> None:
    found = lstat(path)
    if found is not None and stat.S_ISDIR(found.st_mode):
        for name in os.listdir(path):
            _remove(os.path.join(path, name))
        os.rmdir(path)
    else:
        unlink_if_there(path)


def _size(path: str) -> int:
    found = lstat(path)
    return found.st_blocks * 512 if found is not None else 0


def _reason(folder: str) -> dict[str, Any]:
    try:
        told = json.loads(read_plain(os.path.join(folder, REASON), _LIMIT))
    except (OSError, ValueError, NotAFile):
        return {}
    return told if isinstance(told, dict) else {}
