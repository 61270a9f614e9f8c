# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores to try things on. The golden one was written by a real Ollama server (v0.32.15)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "fixtures" / "store-golden"


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy of a healthy store with four models; everything in it may be broken."""
    copy = Path(shutil.copytree(GOLDEN, tmp_path / "golden"))
    # A colon is no character for a file in a repository; on the host the name of a registry has one.
    (copy / "manifests" / "127.0.0.1_5056").rename(copy / "manifests" / "127.0.0.1:5056")
    return copy
