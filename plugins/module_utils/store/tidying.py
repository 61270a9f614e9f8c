# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server left in a store that it wrote to itself, and nobody misses: rests of downloads, and files of others."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator

from ..core.digests import digest_of_blob_file
from ..core.names import InvalidName, from_parts
from ..core.plans import Step
from .files import fsync_dir, lstat, os_errors, unlink_if_there
from .inventory import PARTIAL
from .layout import StorePaths
from .quarantine import set_aside

REMOVE_PARTIAL, SET_ASIDE, REMOVE_DIRECTORY = "remove_partial", "set_aside", "remove_directory"
_DEPTH = 4


def untidy(paths: StorePaths) -> tuple[Step, ...]:
    """A step for each, the target below the store. Damaged blobs and manifests are not meant: they are reported."""
    return (*_in_blobs(paths), *_in_manifests(paths, ()))


def tidy(paths: StorePaths, steps: Iterable[Step]) -> None:
    """Under ``LeaseFile.writing``, when no server writes. Each step can be done again."""
    for step in steps:
        path = os.path.join(paths.root, step.target)
        with os_errors(step.action.replace("_", " "), path):
            if lstat(path) is None:
                continue
            if step.action == REMOVE_PARTIAL:
                unlink_if_there(path)
            elif step.action == SET_ASIDE:
                set_aside(paths, path, kind="stray", detail=step.detail)
            else:
                _remove_directories(path)
            _remove_empty_above(path, (paths.blobs, paths.manifests))
    fsync_dir(paths.blobs)


def _in_blobs(paths: StorePaths) -> Iterator[Step]:
    for name, mode in _entries(paths.blobs):
        path = os.path.join("blobs", name)
        if digest_of_blob_file(name):
            continue
        if PARTIAL.fullmatch(name) and stat.S_ISREG(mode):
            yield Step(REMOVE_PARTIAL, path, "a pull did not end")
        else:
            yield Step(SET_ASIDE, path, "it is no blob")


def _in_manifests(paths: StorePaths, parts: tuple[str, ...]) -> Iterator[Step]:
    for name, mode in _entries(os.path.join(paths.manifests, *parts)):
        below = (*parts, name)
        path = os.path.join("manifests", *below)
        if stat.S_ISDIR(mode) and len(below) < _DEPTH:
            if _is_hollow(os.path.join(paths.root, path), _DEPTH - len(below)):
                yield Step(REMOVE_DIRECTORY, path, "it is empty, which keeps a read-only server from starting")
            else:
                yield from _in_manifests(paths, below)
        elif len(below) < _DEPTH or not stat.S_ISREG(mode) or not _is_name(below):
            yield Step(SET_ASIDE, path, "it is no manifest")


def _is_hollow(path: str, depth: int) -> bool:
    """Nothing but empty directories, down to where manifests would lie."""
    return all(
        depth > 1 and stat.S_ISDIR(mode) and _is_hollow(os.path.join(path, name), depth - 1)
        for name, mode in _entries(path)
    )


def _remove_directories(path: str) -> None:
    for name, _mode in _entries(path):
        _remove_directories(os.path.join(path, name))
    os.rmdir(path)


def _remove_empty_above(path: str, stop: tuple[str, str]) -> None:
    """What is left empty by a step goes with it: such a directory keeps a read-only server from starting, too."""
    path = os.path.dirname(path)
    while path not in stop and not os.listdir(path):
        os.rmdir(path)
        path = os.path.dirname(path)


def _is_name(parts: tuple[str, ...]) -> bool:
    try:
        from_parts(parts)
    except InvalidName:
        return False
    return True


def _entries(path: str) -> Iterator[tuple[str, int]]:
    try:
        names = sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        found = lstat(os.path.join(path, name))
        if found is not None:
            yield name, found.st_mode
