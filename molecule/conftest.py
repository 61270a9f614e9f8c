# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of all scenarios. `host` comes from pytest-testinfra; `lab` runs playbooks against that same host."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "shared"), str(HERE.parent / "practice" / "lib")]

from lab import Lab  # noqa: E402


@pytest.fixture(autouse=True)
def in_order(host):
    """Pytest groups tests by parameters, and `host` is one: with it in every test a story keeps its order."""
    return host


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    lab = Lab(f"corral-molecule-{os.environ['MOLECULE_SCENARIO_NAME']}")
    yield lab
    lab.end_orphans()
