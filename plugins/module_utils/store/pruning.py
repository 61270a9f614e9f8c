# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing what was judged of no use. Every step looks again, under the lease's guard, before it unlinks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from ..core.prune_marks import Mark, dump_marks, parse_marks
from ..core.prune_plan import EMPTY, ORPHAN, PAST, QUARANTINE, STAGED, File, Item
from .files import NotAFile, fsync_dir, lstat, make_directory, os_errors, read_plain, unlink_if_there, write_whole
from .known import drop_past
from .layout import StorePaths
from .lease import LeaseFile
from .quarantine import Quarantined, drop
from .references import ReferenceReader

#: Marks of half a million orphans
_LIMIT = 128 * 1024 * 1024


def read_marks(paths: StorePaths) -> dict[str, Mark]:
    """Marks by path below the store; none when the file is not ours, or not readable."""
    try:
        raw = read_plain(paths.prune_marks, _LIMIT)
    except (OSError, NotAFile):
        return {}
    return parse_marks(raw) if len(raw) <= _LIMIT else {}


class Pruner:
    """Removes items one by one. Raises ``LeaseLost`` as soon as the store is not ours to change any more."""

    def __init__(self, paths: StorePaths, lease: LeaseFile, token: str, reader: ReferenceReader) -> None:
        self._paths, self._lease, self._token, self._reader = paths, lease, token, reader

    def write_marks(self, marks: Mapping[str, Mark]) -> None:
        with self._lease.writing(self._token), os_errors("write", self._paths.prune_marks):
            if marks:
                make_directory(self._paths.private, 0o700)
                write_whole(self._paths.prune_marks, dump_marks(marks), self._paths.tmp, 0o600)
            else:
                unlink_if_there(self._paths.prune_marks)

    def remove(self, item: Item) -> tuple[int, str]:
        """The bytes that came free, and why it was left where it is (empty when it was removed)."""
        with self._lease.writing(self._token):
            if item.kind == ORPHAN:
                needed = self._needed(item.digest)
                if needed:
                    return 0, needed
            if item.kind == EMPTY:
                self._tidy(os.path.join(self._paths.root, item.path))
                return 0, ""
            if item.kind == PAST:
                drop_past(self._paths, item.digest)
                return sum(file.bytes for file in item.files), ""
            if item.kind == QUARANTINE:
                freed = sum(self._freed(file) for file in item.files)
                drop(self._paths, Quarantined(os.path.join(self._paths.root, item.path), freed, 0.0))
                return freed, ""
            freed = sum(self._unlink(file) for file in item.files)
            if item.kind == STAGED:
                self._tidy(os.path.dirname(os.path.join(self._paths.root, item.path)))
            return freed, ""

    def settle(self) -> None:
        """Make the removals last: after this a power cut brings none of the blobs back."""
        with os_errors("sync", self._paths.blobs):
            fsync_dir(self._paths.blobs)

    def _needed(self, digest: str) -> str:
        now = self._reader.read()
        user = now.names(digest)
        if user:
            return f"{user} names it since this run began"
        return f"it may be named by what cannot be read: {now.blockers[0]}" if now.blockers else ""

    def _unlink(self, file: File) -> int:
        path = os.path.join(self._paths.root, file.path)
        with os_errors("remove", path):
            freed = self._freed(file)
            found = lstat(path)
            # another file under that name is another matter
            if found is not None and found.st_ino == file.inode:
                unlink_if_there(path)
                return freed
        return 0

    def _freed(self, file: File) -> int:
        found = lstat(os.path.join(self._paths.root, file.path))
        return found.st_blocks * 512 if found is not None and found.st_nlink == 1 else 0

    def _tidy(self, path: str) -> None:
        """Directories of manifests that nothing is left in, from ``path`` upwards."""
        tops = (self._paths.manifests + os.sep, self._paths.staging.manifests + os.sep)
        # not empty any more, or gone: both are well
        with suppress(OSError):
            while path.startswith(tops):
                os.rmdir(path)
                path = os.path.dirname(path)
