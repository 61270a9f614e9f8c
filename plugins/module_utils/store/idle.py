# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thread that gives way to everybody else: idle I/O class (ioprio_set(2), which Python has no function for) and nice.

Both are the thread's own on Linux, so they end with it and concern no other thread of the process.
"""

from __future__ import annotations

import ctypes
import os
import platform

_NUMBERS = {
    "x86_64": 251,
    "i386": 289,
    "i686": 289,
    "aarch64": 30,
    "riscv64": 30,
    "loongarch64": 30,
    "armv7l": 314,
    "armv6l": 314,
    "ppc64le": 273,
    "ppc64": 273,
    "s390x": 282,
}
_WHO_PROCESS, _THIS_THREAD = 1, 0
_IDLE_CLASS = 3 << 13


def be_idle(io: bool, nice: int) -> str:
    """For the calling thread. Returns what could not be had, for people; empty when all is as asked."""
    refused = _ioprio() if io else ""
    said = []
    if refused:
        said.append(
            f"The kernel refuses the idle I/O class ({refused}): the scrub competes with the servers for the disk. "
            "Hold it back with bytes_per_second, or set idle_io to false to be told no more."
        )
    if nice:
        try:
            os.setpriority(os.PRIO_PROCESS, _THIS_THREAD, nice)
        except OSError as error:
            said.append(f"The niceness {nice} cannot be set: {os.strerror(error.errno or 0)}.")
    return " ".join(said)


def _ioprio() -> str:
    machine = platform.machine()
    # a 32-bit process on a 64-bit kernel has other numbers
    number = _NUMBERS.get(machine) if ctypes.sizeof(ctypes.c_void_p) == 8 or "64" not in machine else None
    syscall = getattr(ctypes.CDLL(None, use_errno=True), "syscall", None)
    if number is None or syscall is None:
        return f"its number is not known on {machine}"
    answer = syscall(
        ctypes.c_long(number), ctypes.c_int(_WHO_PROCESS), ctypes.c_int(_THIS_THREAD), ctypes.c_int(_IDLE_CLASS)
    )
    return os.strerror(ctypes.get_errno()) if answer else ""
