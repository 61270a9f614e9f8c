# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of a repair, each atomic and under the lease: set aside, put in place, take away. Killed between any two
of them, the store is no worse than before, and the next repair goes on."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..core.errors import CorralError
from ..core.names import ModelName
from ..core.receipts import Receipt
from ..core.repair_mark import RepairMark, parse_mark
from ..core.repair_tasks import Task
from .files import NotAFile, fsync_dir, lstat, make_directory, os_errors, read_plain, unlink_if_there, write_whole
from .known import remember
from .layout import StorePaths
from .lease import LeaseFile
from .quarantine import set_aside
from .receipts import ReceiptFile, stamp_of

_LIMIT = 4 * 1024 * 1024


def read_mark(paths: StorePaths) -> RepairMark:
    """An unreadable mark counts as a repair that never ended: then every server restarts once."""
    with os_errors("read", paths.repair_mark):
        if lstat(paths.repair_mark) is None:
            return RepairMark()
        try:
            return parse_mark(read_plain(paths.repair_mark, _LIMIT)) or RepairMark(open=True)
        except NotAFile:
            return RepairMark(open=True)


class Repairer:
    """Writes to the store, under the lease only."""

    def __init__(self, paths: StorePaths, lease: LeaseFile, token: str, now: Callable[[], float] = time.time) -> None:
        self._paths, self._lease, self._token, self._now = paths, lease, token, now

    def mark(self, mark: RepairMark) -> RepairMark:
        """Written before the first change that servers may have seen, and after the last."""
        with self._writing("write", self._paths.repair_mark):
            found = lstat(self._paths.repair_mark)
            if found is not None and not stat.S_ISREG(found.st_mode):
                set_aside(self._paths, self._paths.repair_mark, kind="stray")
            write_whole(self._paths.repair_mark, mark.as_bytes(), self._paths.tmp, 0o600)
        return mark

    def place(self, task: Task, staged: str) -> None:
        """Put a hashed copy where the bad blob is. A plain file is replaced by one rename: no moment without one."""
        stored = self._paths.blob(task.digest)
        with self._writing("repair", stored):
            self._aside(task, stored)
            os.rename(staged, stored)
            fsync_dir(self._paths.blobs)
        self._receipt(task.digest, stored)

    def rename(self, task: Task) -> None:
        """A good blob under its old name gets the one that servers of today use."""
        path, stored = self._full(task), self._paths.blob(task.digest)
        with self._writing("rename", path):
            self._aside(task, stored)
            os.chmod(path, 0o644)
            os.rename(path, stored)
            fsync_dir(self._paths.blobs)
        self._receipt(task.digest, stored)

    def restore(self, task: Task, name: ModelName) -> None:
        """The manifest, after all its blobs."""
        path = self._full(task)
        with self._writing("restore", path):
            self._clear_way(name)
            self._aside(task, path)
            parent = self._paths.manifests
            for part in name.parts[:3]:
                parent = os.path.join(parent, part)
                make_directory(parent)
            write_whole(self._paths.manifest(name), task.raw, self._paths.tmp)
            remember(self._paths, name, task.raw)

    def set_aside(self, task: Task) -> None:
        path = self._full(task)
        with self._writing("set aside", path):
            if lstat(path) is not None:
                set_aside(self._paths, path, kind=task.kind, digest=task.digest, models=list(task.models))
            self._remove_empty(os.path.dirname(path))

    def set_mode(self, task: Task) -> None:
        path = self._full(task)
        with self._writing("set the mode of", path):
            found = lstat(path)
            if found is not None and not stat.S_ISLNK(found.st_mode):
                os.chmod(path, task.mode)

    def remove(self, task: Task) -> None:
        """Of staging, which is nobody's but ours."""
        path = self._full(task)
        with self._writing("remove", path):
            unlink_if_there(path)

    def remove_directory(self, task: Task) -> None:
        """As far up as they are empty then."""
        path = self._full(task)
        with self._writing("remove", path):
            self._remove_empty(path)

    def _full(self, task: Task) -> str:
        return os.path.join(self._paths.root, task.path)

    def _aside(self, task: Task, path: str) -> None:
        if lstat(path) is not None:
            models = list(task.models)
            set_aside(self._paths, path, keep=True, kind=task.kind, digest=task.digest, models=models)

    def _clear_way(self, name: ModelName) -> None:
        """A file or a link where a directory of the manifest has to be."""
        path = self._paths.manifests
        for part in name.parts[:3]:
            path = os.path.join(path, part)
            found = lstat(path)
            if found is not None and not stat.S_ISDIR(found.st_mode):
                set_aside(self._paths, path, kind="bad_name", models=[name.display])

    def _remove_empty(self, path: str) -> None:
        while path.startswith(self._paths.manifests + os.sep):
            try:
                os.rmdir(path)
            except FileNotFoundError:
                pass
            except OSError:
                return
            path = os.path.dirname(path)
            fsync_dir(path)

    def _receipt(self, digest: str, path: str) -> None:
        stamp = stamp_of(path)
        if stamp is not None:
            ReceiptFile(self._paths).append([Receipt(digest, digest, stamp, self._now())])

    @contextmanager
    def _writing(self, doing: str, path: str) -> Iterator[None]:
        with self._lease.writing(self._token), os_errors(doing, path):
            yield


def enough_room(paths: StorePaths, needed: int) -> None:
    """Raise ``no_space`` before a byte is fetched that has no place."""
    answer = os.statvfs(paths.root)
    free = answer.f_bavail * answer.f_frsize
    if needed > free:
        raise CorralError(
            f"{paths.root} has {free} bytes free, and {needed} are needed.",
            kind="no_space",
            remedy="Free some space on that file system, and run again.",
            path=paths.root,
            free_bytes=free,
        )
