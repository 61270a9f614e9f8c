# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has a file open for writing: a download that still runs is no rest of one."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress

Place = tuple[int, int]
_PROC = "/proc"


def writers_of(places: Collection[Place]) -> tuple[str, ...]:
    """``command (pid)`` of every process of this host, containers included, that writes to one of these files.

    What this process may not look into is left out: then the answer is only that none was seen.
    """
    wanted = frozenset(places)
    found = []
    for pid in sorted((name for name in os.listdir(_PROC) if name.isdecimal()), key=int) if wanted else ():
        with suppress(OSError):
            if any(_writes(pid, fd, wanted) for fd in os.listdir(f"{_PROC}/{pid}/fd")):
                found.append(f"{_command(pid)} ({pid})")
    return tuple(found)


def _writes(pid: str, fd: str, wanted: frozenset[Place]) -> bool:
    try:
        seen = os.stat(f"{_PROC}/{pid}/fd/{fd}")
        if not stat.S_ISREG(seen.st_mode) or (seen.st_dev, seen.st_ino) not in wanted:
            return False
        return any(_flags(pid, fd))
    except OSError:
        # it was closed meanwhile
        return False


def _flags(pid: str, fd: str) -> Iterator[bool]:
    with open(f"{_PROC}/{pid}/fdinfo/{fd}", encoding="ascii") as info:
        for line in info:
            if line.startswith("flags:"):
                yield int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY


def _command(pid: str) -> str:
    with suppress(OSError), open(f"{_PROC}/{pid}/comm", encoding="utf-8", errors="replace") as file:
        return file.read().strip()
    return "a process"
