# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the figures from which tools/before_after.py writes the guide."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def record():
    """record("before", "logs", {...}): in .cache/molecule/before_after.json, which stays when the scenario is gone."""
    file = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / ".cache" / "molecule" / "before_after.json"
    kept: dict[str, dict[str, object]] = {}

    def keep(when: str, what: str, figures: object) -> None:
        kept.setdefault(when, {})[what] = figures
        file.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    return keep
