# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL before a chosen change that a module makes to the disk, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module

#: What changes a directory or a file's rights; files that are made by opening them count as well.
CHANGES = ("link", "rename", "unlink", "mkdir", "rmdir", "chmod", "fchmod", "fsync")
#: The same for what also writes in place; syncing changes nothing that a kill could lose.
WRITES = ("link", "rename", "unlink", "mkdir", "rmdir", "chmod", "fchmod", "utime", "write", "ftruncate")
_FORK = multiprocessing.get_context("fork")


def killed_before(
    number: int, module: ModuleType, given: dict[str, Any], calls: Iterable[str] = CHANGES, shift: float = 0.0
) -> bool:
    """Run the module and kill it before its change ``number`` (from 1; 0 for never). True when it was through by then.

    ``shift``: seconds by which its clock is ahead.
    """
    child = _FORK.Process(target=_child, args=(number, module, given, tuple(calls), shift))
    child.start()
    child.join(120)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode == 0


def _child(number: int, module: ModuleType, given: dict[str, Any], calls: tuple[str, ...], shift: float) -> None:
    counter, lock, real_time = [0], threading.Lock(), time.time

    def wrap(real: Callable[..., Any], counts: Callable[..., bool] = lambda *_args: True) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            if counts(*args):
                with lock:
                    counter[0] += 1
                    if counter[0] == number:
                        os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **more)

        return call

    for name in calls:
        setattr(os, name, wrap(getattr(os, name)))
    os.open = wrap(os.open, lambda _path, flags=0, *_more: bool(flags & os.O_CREAT))
    if shift:
        time.time = lambda: real_time() + shift
    os._exit(1 if run_module(module, given).failed else 0)
