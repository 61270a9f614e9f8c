# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files in the gateway's folders: nothing that lies there is followed, and what is written is whole or not there."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .errors import GatewayError

STATE = "servers.state"
_LOCK_WAIT = 10.0
_LIMIT = 4 * 1024 * 1024


def read_text(path: str) -> str:
    """A file of the configuration; "" when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LIMIT)
    except OSError:
        return ""


def mode_and_group(path: str) -> tuple[int, int] | None:
    """Of a plain file; None for everything else."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return (stat.S_IMODE(found.st_mode), found.st_gid) if stat.S_ISREG(found.st_mode) else None


@contextmanager
def own_folder(path: str, clock: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[int]:
    """A descriptor of the folder, for one writer at a time."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(folder, path, clock, sleep)
            yield folder
        finally:
            os.close(folder)
    except OSError as error:
        raise GatewayError(
            f"Cannot write into {path}: {error.strerror or error}.",
            kind="io_error",
            remedy="See that the folder is there and has room (df), and run again.",
            path=path,
        ) from error


def replace(folder: int, name: str, text: str, mode: int, uid: int, gid: int) -> None:
    """Give ``name`` in the folder another text by one rename; ``uid`` or ``gid`` -1 for whoever writes."""
    new = f"{name}.new"
    with suppress(FileNotFoundError):
        os.unlink(new, dir_fd=folder)
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if os.geteuid() == 0:
            os.fchown(file.fileno(), uid, gid)
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)


def _lock(folder: int, path: str, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
    until = clock() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock() >= until:
                raise GatewayError(
                    f"Another process has held {path} locked for {_LOCK_WAIT:g} s.",
                    kind="gateway_locked",
                    remedy=f"See which one with: fuser -v {path}",
                    path=path,
                ) from None
        sleep(0.05)
