# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of the manifests that Corral published. A manifest that became unreadable is restored from here, byte for
byte, also when its tag has moved on in the registry; and one that was superseded tells which blobs it had."""

from __future__ import annotations

import os

from ..core.digests import InvalidDigest, parse_digest, sha256_bytes
from ..core.manifests import MAX_MANIFEST_BYTES
from ..core.names import ModelName
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
from .trees import remove_empty_parents


def remember(paths: StorePaths, name: ModelName, raw: bytes) -> None:
    """Keep a copy of what is published under ``name``; the one before it goes to the past."""
    _supersede(paths, name, raw)
    path = _made(paths, ("manifests", *name.parts[:3]))
    write_whole(os.path.join(path, name.tag), raw, paths.tmp)


def forget(paths: StorePaths, name: ModelName) -> None:
    """The model was removed: its manifest goes to the past."""
    _supersede(paths, name, b"")
    if unlink_if_there(paths.known.manifest(name)):
        fsync_dir(remove_empty_parents(paths.known, name))


def known_manifest(paths: StorePaths, name: ModelName) -> bytes | None:
    """What was last published under ``name``, by Corral; ``None`` when it never was."""
    return _content(paths.known.manifest(name))


def past(paths: StorePaths) -> dict[str, tuple[bytes, float]]:
    """Superseded manifests by digest: their bytes, and when (seconds since 1970) they were superseded."""
    found: dict[str, tuple[bytes, float]] = {}
    for directory in (paths.known.root, paths.past):
        require_directory(directory)
    with os_errors("read", paths.past):
        for entry in sorted(os.listdir(paths.past)) if lstat(paths.past) is not None else ():
            path = os.path.join(paths.past, entry)
            raw, stat = _content(path), lstat(path)
            if raw is not None and stat is not None and _is_digest(entry) and sha256_bytes(raw) == entry:
                found[entry] = (raw, stat.st_mtime)
    return found


def drop_past(paths: StorePaths, digest: str) -> None:
    path = os.path.join(paths.past, parse_digest(digest))
    with os_errors("remove", path):
        unlink_if_there(path)


def _supersede(paths: StorePaths, name: ModelName, raw: bytes) -> None:
    old = _content(paths.manifest(name))
    if old and old != raw:
        write_whole(os.path.join(_made(paths, ("past",)), sha256_bytes(old)), old, paths.tmp)


def _made(paths: StorePaths, parts: tuple[str, ...]) -> str:
    path = paths.known.root
    make_directory(path, 0o700)
    for part in parts:
        path = os.path.join(path, part)
        make_directory(path)
    return path


def _content(path: str) -> bytes | None:
    try:
        raw = read_plain(path, MAX_MANIFEST_BYTES)
    except (OSError, NotAFile):
        return None
    return raw if len(raw) <= MAX_MANIFEST_BYTES else None


def _is_digest(text: str) -> bool:
    try:
        return parse_digest(text) == text
    except InvalidDigest:
        return False
