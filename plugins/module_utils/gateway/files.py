# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files beside the sockets, in a folder that the container's user may write to: nothing in there is followed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from .errors import GatewayError

STATE = "servers.state"
_NEW = "servers.state.new"
_LOCK_WAIT = 10.0
_LIMIT = 4 * 1024 * 1024


def read_text(path: str) -> str:
    """A file of the configuration; "" when there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(_LIMIT)
    except OSError:
        return ""


@contextmanager
def write_state(
    run_dir: str, clock: Callable[[], float], sleep: Callable[[float], None]
) -> Iterator[Callable[[str], None]]:
    """What is asked and written in the block is one step for all who write: an older look never wins over a newer."""
    try:
        folder = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(folder, run_dir, clock, sleep)
            yield lambda text: _replace(folder, text)
        finally:
            os.close(folder)
    except OSError as error:
        raise GatewayError(
            f"Cannot write {run_dir}/{STATE}: {error.strerror or error}.",
            kind="io_error",
            remedy="Without it a restart of the gateway forgets who is drained. Mend it, and run again.",
            path=f"{run_dir}/{STATE}",
        ) from error


def _lock(folder: int, run_dir: str, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
    until = clock() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock() >= until:
                raise GatewayError(
                    f"Another process has held {run_dir} locked for {_LOCK_WAIT:g} s.",
                    kind="gateway_locked",
                    remedy="Let it end (lsof shows which), and run again.",
                ) from None
        sleep(0.05)


def _replace(folder: int, text: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(_NEW, dir_fd=folder)
    fd = os.open(_NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        owner = os.fstat(folder)
        if os.geteuid() == 0:
            # HAProxy runs as the folder's owner, and has to read it
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        os.fsync(file.fileno())
    os.rename(_NEW, STATE, src_dir_fd=folder, dst_dir_fd=folder)
    os.fsync(folder)
