# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing what was judged of no use. Every step looks again, under the lease's guard, before it unlinks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from ..core.prune_marks import Mark, dump_marks, parse_marks
from ..core.prune_plan import EMPTY, PAST, QUARANTINE, STAGED, File, Item
from ..core.references import References
from .files import NotAFile, fsync_dir, lstat, make_directory, os_errors, read_plain, unlink_if_there, write_whole
from .known import drop_past
from .layout import StorePaths
from .lease import LeaseFile
from .quarantine import Quarantined, drop
from .references import ReferenceReader

#: Marks of half a million orphans
_LIMIT = 128 * 1024 * 1024
#: Seconds: how long the guard is held at most, and what was read of the manifests is believed
_HOLD, _STALE = 0.5, 0.005


def read_marks(paths: StorePaths) -> dict[str, Mark]:
    """Marks by path below the store; none when the file is not ours, or not readable."""
    try:
        raw = read_plain(paths.prune_marks, _LIMIT)
    except (OSError, NotAFile):
        return {}
    return parse_marks(raw) if len(raw) <= _LIMIT else {}


class Pruner:
    """Removes items one by one. Raises ``LeaseLost`` as soon as the store is not ours to change any more."""

    def __init__(
        self,
        paths: StorePaths,
        lease: LeaseFile,
        token: str,
        reader: ReferenceReader,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._paths, self._lease, self._token, self._reader, self._clock = paths, lease, token, reader, clock

    def write_marks(self, marks: Mapping[str, Mark]) -> None:
        with self._lease.writing(self._token), os_errors("write", self._paths.prune_marks):
            if marks:
                make_directory(self._paths.private, 0o700)
                write_whole(self._paths.prune_marks, dump_marks(marks), self._paths.tmp, 0o600)
            else:
                unlink_if_there(self._paths.prune_marks)

    def remove_blobs(self, items: Sequence[Item]) -> list[tuple[int, str]]:
        """For the first few orphans the bytes that came free, and why one was left (empty when it was removed).

        As many as a short hold of the guard allows, one at least. While it is held nobody publishes, and yet manifests
        are read again every few milliseconds: somebody who keeps no lease may write to an adopted store.
        """
        done: list[tuple[int, str]] = []
        with self._lease.writing(self._token):
            begun = read_at = self._clock()
            now = self._reader.read()
            for item in items:
                if self._clock() - read_at > _STALE:
                    read_at, now = self._clock(), self._reader.read()
                why = _needed(now, item.digest)
                done.append((0, why) if why else (sum(self._unlink(file) for file in item.files), ""))
                if self._clock() - begun > _HOLD:
                    break
        return done

    def remove(self, item: Item) -> int:
        """Anything but an orphan; returns the bytes that came free."""
        with self._lease.writing(self._token):
            if item.kind == EMPTY:
                self._tidy(os.path.join(self._paths.root, item.path))
                return 0
            if item.kind == PAST:
                drop_past(self._paths, item.digest)
                return sum(file.bytes for file in item.files)
            if item.kind == QUARANTINE:
                freed = sum(self._freed(file) for file in item.files)
                drop(self._paths, Quarantined(os.path.join(self._paths.root, item.path), freed, 0.0))
                return freed
            freed = sum(self._unlink(file) for file in item.files)
            if item.kind == STAGED:
                self._tidy(os.path.dirname(os.path.join(self._paths.root, item.path)))
            return freed

    def settle(self) -> None:
        """Make the removals last: after this a power cut brings none of the blobs back."""
        with os_errors("sync", self._paths.blobs):
            fsync_dir(self._paths.blobs)

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


def _needed(now: References, digest: str) -> str:
    user = now.names(digest)
    if user:
        return f"{user} names it since this run began"
    return f"it may be named by what cannot be read: {now.blockers[0]}" if now.blockers else ""
