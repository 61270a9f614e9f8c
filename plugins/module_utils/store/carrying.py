# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One blob from a tree of models towards the store: read once, and never believed before that.

On the store's file system it is hashed where it lies, to be hard-linked. From elsewhere it comes as a clone of its
extents (FICLONE) where the file systems can do that, else as a copy that is hashed on the way.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from ..core.errors import CorralError
from ..core.manifests import Blob
from .files import fsync_file, open_plain, os_errors, unlink_if_there, write_all
from .hashing import Cancelled, Hashed, Identity, hash_file, identity
from .layout import StorePaths

KEEP, LINK, REFLINK, COPY = "keep", "link", "reflink", "copy"
_FICLONE = 0x40049409
_PIECE = 1024 * 1024
#: Readers in containers may be anybody.
_READABLE = 0o444


@dataclass(frozen=True)
class Job:
    """Hash ``path`` as the blob: the store's own file (``KEEP``), one to link, or one to carry over (``COPY``)."""

    blob: Blob
    tree: int
    path: str
    method: str


@dataclass(frozen=True)
class Fetched:
    """``problem`` is empty when every byte was right. ``between``: the verified file in ``.corral/tmp``, if carried.

    ``found``: what it hashed to; ``identity`` of the file that was read.
    """

    job: Job
    problem: str
    method: str
    found: str = ""
    identity: Identity = (0, 0, 0, 0)
    between: str = ""


class Moved(Exception):
    """The file is not the one that was hashed any more."""


def fetch(
    job: Job, paths: StorePaths, window: int, cancel: threading.Event, on_bytes: Callable[[int], None]
) -> Fetched:
    """What is wrong with the source is a ``problem``; what is wrong with the store (no space) is raised."""
    if job.method == COPY:
        return _carry(job, paths, window, cancel, on_bytes)
    fetched = _judged(job, hash_file(job.path, window, cancel, on_bytes), job.method)
    if job.method == LINK and not fetched.problem:
        # a server does not wait for the disk when it has downloaded, and what a manifest names has to be there
        with os_errors("sync", job.path):
            fsync_file(job.path)
    return fetched


def link_between(paths: StorePaths, fetched: Fetched) -> str:
    """A hard link in ``.corral/tmp`` to what was hashed. Raises ``Moved``, and ``OSError`` where links do not work."""
    fd, between = tempfile.mkstemp(dir=paths.tmp)
    os.close(fd)
    os.unlink(between)
    os.link(fetched.job.path, between, follow_symlinks=False)
    found = os.lstat(between)
    if identity(found) != fetched.identity:
        unlink_if_there(between)
        raise Moved
    # The inode is the source's too, which stays untouched: only what no server could read gets another mode.
    if found.st_mode & _READABLE != _READABLE:
        os.chmod(between, 0o644)
    return between


def _judged(job: Job, hashed: Hashed, method: str, between: str = "") -> Fetched:
    problem = hashed.problem
    if not problem and hashed.size != job.blob.size:
        problem = f"it has {hashed.size} bytes, not {job.blob.size}"
    if not problem and hashed.digest != job.blob.digest:
        problem = f"it hashes to {hashed.digest[:12]}"
    return Fetched(job, problem, method, hashed.digest, hashed.identity, between)


def _carry(
    job: Job, paths: StorePaths, window: int, cancel: threading.Event, on_bytes: Callable[[int], None]
) -> Fetched:
    try:
        source = open_plain(job.path)
    except (OSError, CorralError) as error:
        return Fetched(job, os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error), COPY)
    between = ""
    try:
        with os_errors("write to", paths.tmp):
            target, between = tempfile.mkstemp(dir=paths.tmp)
            try:
                method = REFLINK if _cloned(source, target) else COPY
                hashed = Hashed(job.path)
                if method == COPY:
                    hashed = _copied(job, source, target, cancel, on_bytes)
                os.fchmod(target, 0o644)
                os.fsync(target)
            finally:
                os.close(target)
        if method == REFLINK:
            hashed = hash_file(between, window, cancel, on_bytes)
        fetched = _judged(job, hashed, method, between)
    except BaseException:
        _drop(between)
        raise
    finally:
        os.close(source)
    if fetched.problem:
        _drop(between)
        fetched = Fetched(job, fetched.problem, method, fetched.found)
    return fetched


def _cloned(source: int, target: int) -> bool:
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copied(job: Job, source: int, target: int, cancel: threading.Event, on_bytes: Callable[[int], None]) -> Hashed:
    """No more than the blob's size is ever written, however the source grows."""
    sha, size, buffer = hashlib.sha256(), 0, bytearray(_PIECE)
    with memoryview(buffer) as view:
        while size <= job.blob.size:
            if cancel.is_set():
                raise Cancelled
            try:
                count = os.readv(source, [view[: min(_PIECE, job.blob.size - size + 1)]])
            except OSError as error:
                return Hashed(job.path, problem=os.strerror(error.errno or 0))
            if not count:
                break
            size += count
            if size <= job.blob.size:
                write_all(target, view[:count])
                sha.update(view[:count])
                on_bytes(count)
    return Hashed(job.path, sha.hexdigest(), size, identity(os.fstat(source)))


def _drop(path: str) -> None:
    with suppress(OSError):
        if path:
            os.unlink(path)
