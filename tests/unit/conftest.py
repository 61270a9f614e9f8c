# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests write goes to memory where there is plenty of it, for on a disk they do little but wait for `fsync`. It is
removed at the end; where one has failed, or a run was killed, at the beginning of the next run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

MEMORY, PLENTY = Path("/dev/shm"), 4 * 2**30
ROOT, NAME = "PYTEST_DEBUG_TEMPROOT", "corral-tests-"
made: list[Path] = []


def pytest_configure(config: pytest.Config) -> None:
    """Before the first `tmp_path`. The workers of pytest-xdist work in the place of the one that started them."""
    if ROOT in os.environ or config.option.basetemp or not MEMORY.is_dir():
        return
    for old in MEMORY.glob(f"{NAME}[0-9]*-*"):
        if not Path("/proc", old.name.split("-")[2]).exists():
            shutil.rmtree(old, ignore_errors=True)
    found = os.statvfs(MEMORY)
    if found.f_bavail * found.f_frsize >= PLENTY:
        made.append(Path(tempfile.mkdtemp(prefix=f"{NAME}{os.getpid()}-", dir=MEMORY)))
        os.environ[ROOT] = str(made[0])


def pytest_sessionfinish(exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        made.clear()


def pytest_unconfigure() -> None:
    for root in made:
        shutil.rmtree(root, ignore_errors=True)
