# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same examples in every run, so that red means a reason; `--hypothesis-profile=hunt` looks for more."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
settings.register_profile("corral", max_examples=40, deadline=None, derandomize=True, suppress_health_check=SLOW)
settings.register_profile("hunt", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=SLOW)
settings.load_profile("corral")

GOLDEN = Path(__file__).resolve().parents[1] / "unit" / "fixtures" / "store-golden"


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy of a healthy store with four models that a real Ollama server wrote."""
    copy = Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
    (copy / "manifests" / "127.0.0.1_5056").rename(copy / "manifests" / "127.0.0.1:5056")
    return copy


@pytest.fixture(autouse=True)
def usual_rights() -> Iterator[None]:
    """Directories that are made here get the mode 0755."""
    old = os.umask(0o022)
    yield
    os.umask(old)


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written is read back by the same machine: waiting for its disk would prove nothing here."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
