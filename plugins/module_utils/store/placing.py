# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two steps that change what readers see: a verified file gets its blob's name, a manifest gets its model's.

Call them under ``LeaseFile.writing``, blobs before the manifests that name them.
"""

from __future__ import annotations

import os

from ..core.digests import blob_file
from ..core.names import ModelName
from .files import lstat, make_directory, unlink_if_there, write_whole
from .known import remember
from .layout import StorePaths
from .quarantine import set_aside


def place_link(paths: StorePaths, source: str, digest: str) -> None:
    """A further hard link to ``source`` becomes the blob."""
    stored = paths.blob(digest)
    if lstat(stored) is None:
        os.link(source, stored, follow_symlinks=False)
        return
    between = os.path.join(paths.tmp, blob_file(digest))
    unlink_if_there(between)
    os.link(source, between, follow_symlinks=False)
    place_file(paths, between, digest)


def place_file(paths: StorePaths, between: str, digest: str) -> None:
    """A file in ``.corral/tmp`` becomes the blob. What had that name was hashed, and is bad: it goes to quarantine."""
    stored = paths.blob(digest)
    if lstat(stored) is not None:
        # a runner may have mapped it, so it is replaced and never truncated
        set_aside(paths, stored, keep=True, kind="replaced", digest=digest)
    os.rename(between, stored)
    # renaming one link of a file over another does nothing
    unlink_if_there(between)


def place_manifest(paths: StorePaths, name: ModelName, raw: bytes, mtime_ns: int | None = None) -> None:
    """``mtime_ns``: what servers are to show as the time of the last change; now by default."""
    remember(paths, name, raw)
    path = paths.manifests
    for part in name.parts[:3]:
        path = os.path.join(path, part)
        make_directory(path)
    write_whole(paths.manifest(name), raw, paths.tmp, mtime_ns=mtime_ns)
