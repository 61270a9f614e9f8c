# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that may be hostile, read without following links or hanging; and writes that are whole or not there."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..core.errors import CorralError

_KINDS = {
    errno.ENOSPC: ("no_space", "Free some space on that file system, and run again."),
    errno.EDQUOT: ("no_space", "Raise the quota or free some space, and run again."),
    errno.EROFS: ("read_only_store", "Mount the store read-write on the host, and run again."),
    errno.EXDEV: ("cross_device", "Keep .corral/ on the same file system as blobs/ and manifests/."),
    errno.EACCES: ("permission_denied", "Run as a user who may do it (become: true)."),
    errno.EPERM: ("permission_denied", "Run as a user who may do it (become: true)."),
}


class NotAFile(CorralError):
    """The path is there, and is no plain file: a link, a pipe, a device, a directory."""

    kind = "not_a_file"


@contextmanager
def os_errors(doing: str, path: str) -> Iterator[None]:
    """Turn an ``OSError`` into a ``CorralError`` that says what could not be done, and where."""
    try:
        yield
    except OSError as error:
        kind, remedy = _KINDS.get(error.errno or 0, ("io_error", "See the host's kernel log."))
        text = os.strerror(error.errno) if error.errno else str(error)
        raise CorralError(f"Cannot {doing} {path}: {text}.", kind=kind, remedy=remedy, path=path) from error


def what_is(mode: int) -> str:
    """The kind of a directory entry for people."""
    for test, word in (
        (stat.S_ISREG, "a plain file"),
        (stat.S_ISLNK, "a symbolic link"),
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if test(mode):
            return word
    return "a device"


def lstat(path: str) -> os.stat_result | None:
    """``None`` when nothing is there; other errors are raised."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_plain_file(path: str) -> bool:
    found = lstat(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def open_plain(path: str, flags: int = 0) -> int:
    """A descriptor for reading a plain file. Looks before it opens: opening a pipe waits, opening a device acts."""
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode):
        raise NotAFile(f"{path} is {what_is(found.st_mode)}, not a plain file.", path=path)
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | flags)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotAFile(f"{path} is not a plain file any more.", path=path)
    return fd


def read_plain(path: str, limit: int) -> bytes:
    """At most ``limit`` + 1 bytes of a plain file: one more than the limit says that it is longer."""
    fd = open_plain(path)
    with os.fdopen(fd, "rb") as file:
        return file.read(limit + 1)


def fsync_dir(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_file(path: str) -> None:
    fd = open_plain(path)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def require_directory(path: str) -> None:
    """Raise ``not_a_directory`` for anything else that is there: through a link, what is Corral's would be written, or
    removed, somewhere else."""
    found = lstat(path)
    if found is not None and not stat.S_ISDIR(found.st_mode):
        raise NotAFile(
            f"{path} is {what_is(found.st_mode)}, where a directory must be.",
            kind="not_a_directory",
            remedy="Remove it by hand after a look at it.",
            path=path,
        )


def make_directory(path: str, mode: int = 0o755) -> bool:
    """Make one directory with exactly ``mode``; an existing real directory is left as it is. True when made."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        require_directory(path)
        return False
    os.chmod(path, mode)
    fsync_dir(os.path.dirname(path))
    return True


def write_whole(path: str, data: bytes, tmp: str, mode: int = 0o644, mtime_ns: int | None = None) -> None:
    """Write to ``tmp`` (on the same file system), sync, and rename over ``path``: old or new, no between."""
    fd, temporary = tempfile.mkstemp(dir=tmp)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            if mtime_ns is not None:
                os.utime(file.fileno(), ns=(mtime_ns, mtime_ns))
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    fsync_dir(os.path.dirname(path))


def private_folder(path: str) -> None:
    """Have a folder of Corral's own, for root's eyes only."""
    require_directory(path)
    os.makedirs(path, mode=0o700, exist_ok=True)


def write_private(path: str, data: bytes, doing: str = "write") -> None:
    """As ``write_whole``, for root's eyes only, in a folder of Corral's own that is made when it is missing."""
    folder = os.path.dirname(path)
    with os_errors(doing, path):
        private_folder(folder)
        write_whole(path, data, folder, mode=0o600)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """All of it, where the descriptor stands: one ``os.write`` may take less."""
    with memoryview(data) as view:
        done = 0
        while done < len(view):
            done += os.write(fd, view[done:])


def write_beside(path: str, data: bytes, mode: int = 0o644) -> None:
    """As ``write_whole``, for a file with one writer at a time (who holds a lock): needs no directory that is swept."""
    new = f"{path}.new"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    os.rename(new, path)
    fsync_dir(os.path.dirname(path))


def unlink_if_there(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True
