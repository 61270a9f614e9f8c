# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short changes to a file of Corral's own, one process at a time: flock, which a killed process cannot keep."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..core.errors import CorralError
from .files import os_errors

PATIENCE = 30.0


@contextmanager
def locked(path: str, patience: float = PATIENCE) -> Iterator[None]:
    """Hold the lock on ``path``, which is made when missing. Raises ``lease_busy`` after ``patience`` seconds."""
    with os_errors("lock", path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        _lock(fd, path, patience)
        yield
    finally:
        os.close(fd)


def _lock(fd: int, path: str, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise CorralError(
                    f"Another process has kept {path} locked for {patience:.0f} s.",
                    kind="lease_busy",
                    remedy=f"See which one with: fuser -v {path}",
                    path=path,
                ) from None
            time.sleep(0.01)
