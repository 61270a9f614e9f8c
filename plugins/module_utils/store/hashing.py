# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sha256 of many files at the speed of the processors, without pushing other files out of the page cache.

What is in the cache already is read from there; the rest is read past the cache (``O_DIRECT``). Where a file system
refuses that, what was not resident before is dropped again after it was read.
"""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..core.errors import CorralError
from .files import open_plain
from .residency import Residency

Identity = tuple[int, int, int, int]

_PAGE = mmap.PAGESIZE
#: All reading threads share this much memory for their buffers, however many files and processors there are.
_BUFFERS = 16 * 1024 * 1024
_MAX_WINDOW = 4 * 1024 * 1024
_MAX_THREADS = 32
#: From the cache, small pieces hash faster: they are still in the processor's own cache when they are hashed.
_CACHED_PIECE = 256 * 1024
SMALLEST_WINDOW = _CACHED_PIECE
_DIRECT = getattr(os, "O_DIRECT", 0)


class Cancelled(Exception):
    """Hashing was given up because nobody wants the result any more."""


@dataclass(frozen=True)
class Hashed:
    """What reading a whole file gave; ``problem`` when it could not be read. ``identity`` tells whether it is the same
    file, unchanged, later: device, inode, size and modification time (links do not change it)."""

    path: str
    digest: str = ""
    size: int = 0
    identity: Identity = (0, 0, 0, 0)
    problem: str = ""


def identity(found: os.stat_result) -> Identity:
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def usable_cpus() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hash_file(
    path: str,
    window: int = _MAX_WINDOW,
    cancel: threading.Event | None = None,
    on_bytes: Callable[[int], None] | None = None,
) -> Hashed:
    """Hash one file in this thread; what cannot be read is a ``problem``, not an exception.

    ``on_bytes`` is told of every piece that was hashed.
    """
    try:
        fd = open_plain(path)
    except CorralError as error:
        return Hashed(path, problem=error.message)
    except OSError as error:
        return Hashed(path, problem=os.strerror(error.errno or 0))
    try:
        before = os.fstat(fd)
        sha, size = hashlib.sha256(), 0
        with _Reader(fd, path, before, window) as reader:
            for piece in reader.pieces(cancel):
                sha.update(piece)
                size += len(piece)
                if on_bytes is not None:
                    on_bytes(len(piece))
        after = os.fstat(fd)
    except OSError as error:
        return Hashed(path, problem=os.strerror(error.errno or 0))
    finally:
        os.close(fd)
    if identity(before) != identity(after):
        return Hashed(path, problem="it was changed while it was read")
    return Hashed(path, sha.hexdigest(), size, identity(after))


def hash_files(
    paths: Iterable[tuple[str, int]],
    threads: int = 0,
    on_done: Callable[[Hashed], None] | None = None,
) -> list[Hashed]:
    """Hash ``(path, size)`` pairs, the largest first, one thread each and ``threads`` at a time (0: one a processor).

    ``on_done`` is called in this thread's stead as each file ends, from the thread that read it.
    """
    ordered = sorted(paths, key=lambda pair: pair[1], reverse=True)
    count = max(1, min(threads or usable_cpus(), len(ordered), _MAX_THREADS))
    window = window_size(count)
    cancel = threading.Event()

    def one(pair: tuple[str, int]) -> Hashed:
        hashed = hash_file(pair[0], window, cancel)
        if on_done is not None:
            on_done(hashed)
        return hashed

    with ThreadPoolExecutor(count) as pool:
        try:
            return list(pool.map(one, ordered))
        except BaseException:
            cancel.set()
            raise


def window_size(threads: int) -> int:
    """The buffer of each of so many threads, in bytes: a multiple of the page size."""
    return max(_CACHED_PIECE, min(_MAX_WINDOW, _BUFFERS // max(1, threads)) // _PAGE * _PAGE)


class _Reader:
    """Reads a file in windows into one aligned buffer, each from where it is cheapest."""

    def __init__(self, fd: int, path: str, found: os.stat_result, window: int) -> None:
        self._fd, self._size, self._window = fd, found.st_size, window
        self._residency = Residency(fd, found)
        self._buffer = mmap.mmap(-1, window)
        self._direct = _open_direct(path, found) if self._size else -1

    def __enter__(self) -> _Reader:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._direct >= 0:
            os.close(self._direct)

    def pieces(self, cancel: threading.Event | None) -> Iterator[memoryview]:
        """The file's bytes in order; each piece is valid until the next is asked for."""
        # no read-ahead: it would fill the cache with what the next window means to read past it
        os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_RANDOM)
        offset = 0
        with memoryview(self._buffer) as view:
            while True:
                if cancel is not None and cancel.is_set():
                    raise Cancelled
                end = min(offset + self._window, self._size)
                if end <= offset:
                    return
                for piece in self._window_pieces(view, offset, end):
                    yield piece
                    offset += len(piece)
                if offset < end:
                    return

    def _window_pieces(self, view: memoryview, offset: int, end: int) -> Iterator[memoryview]:
        absent = self._residency.absent(offset, end)
        if absent and self._direct >= 0:
            count = self._read_direct(view, offset)
            if count >= 0:
                yield view[: min(count, end - offset)]
                return
        while offset < end:
            count = os.preadv(self._fd, [view[: min(_CACHED_PIECE, end - offset)]], offset)
            if not count:
                break
            yield view[:count]
            offset += count
        for start, length in absent:
            os.posix_fadvise(self._fd, start, length, os.POSIX_FADV_DONTNEED)

    def _read_direct(self, view: memoryview, offset: int) -> int:
        """Bytes read past the cache, or -1 where the file system refuses it after all."""
        try:
            return os.preadv(self._direct, [view], offset)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
        os.close(self._direct)
        self._direct = -1
        return -1


def _open_direct(path: str, found: os.stat_result) -> int:
    if not _DIRECT:
        return -1
    try:
        fd = open_plain(path, _DIRECT)
    except (OSError, CorralError):
        return -1
    if identity(os.fstat(fd)) != identity(found):
        os.close(fd)
        return -1
    return fd
