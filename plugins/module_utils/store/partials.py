# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rests of downloads in a tree that no pull could ever finish."""

from __future__ import annotations

import json
import os
import re
import stat

from ..core.digests import blob_file, digest_of_blob_file
from .files import NotAFile, lstat, read_plain
from .layout import ModelTree

#: What a fetch from peers has of a blob, and which pieces that is. No names that a puller takes for its own.
FETCH, FETCH_JOURNAL = ".fetch", ".fetch-pieces"

_PART = re.compile(r"sha256-([0-9a-f]{64})-partial-([0-9]{1,6})")


def fetch_digest(name: str) -> str:
    """The digest of the file name of a fetch or its journal, "" for any other name."""
    for suffix in (FETCH, FETCH_JOURNAL):
        if name.endswith(suffix):
            return digest_of_blob_file(name[: -len(suffix)]) or ""
    return ""


def stuck_parts(tree: ModelTree) -> dict[str, tuple[str, ...]]:
    """The files (in ``blobs/``) of each download, by digest, that fails every further pull.

    Seen on real servers: a part without part 0, and an empty one. Those that a pull can resume are left out.
    """
    parts: dict[str, dict[int, str]] = {}
    names = _names(tree.blobs)
    for name in names:
        match = _PART.fullmatch(name)
        if match:
            parts.setdefault(match[1], {})[int(match[2])] = os.path.join(tree.blobs, name)
    return {
        digest: tuple(name for name in names if name.startswith(f"{blob_file(digest)}-partial"))
        for digest, found in parts.items()
        if not _can_resume(tree, digest, found)
    }


def _can_resume(tree: ModelTree, digest: str, parts: dict[int, str]) -> bool:
    if sorted(parts) != list(range(len(parts))):
        return False
    found = lstat(f"{tree.blob(digest)}-partial")
    if found is None or not stat.S_ISREG(found.st_mode):
        return False
    return all(_is_part(path) for path in parts.values())


def _is_part(path: str) -> bool:
    try:
        return isinstance(json.loads(read_plain(path, 64 * 1024)), dict)
    except (ValueError, OSError, NotAFile):
        return False


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
