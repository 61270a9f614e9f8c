# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests write goes to memory where there is plenty of it, for on a disk they do little but wait for `fsync`. It is
removed at the end, unless one has failed."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest

MEMORY, PLENTY = "/dev/shm", 4 * 2**30
ROOT = "PYTEST_DEBUG_TEMPROOT"
made: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    """Before the first `tmp_path`. The workers of pytest-xdist work in the place of the one that started them."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return
    if ROOT not in os.environ and not config.option.basetemp and found.f_bavail * found.f_frsize >= PLENTY:
        made.append(tempfile.mkdtemp(prefix="corral-tests-", dir=MEMORY))
        os.environ[ROOT] = made[0]


def pytest_sessionfinish(exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.TESTS_FAILED:
        made.clear()


def pytest_unconfigure() -> None:
    for root in made:
        shutil.rmtree(root, ignore_errors=True)
