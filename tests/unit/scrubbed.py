# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scrubs as the tests run them, and what they leave."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.modules import store_scrub
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module

KEYS = ["changed", "diff", "findings", "models", "ok", "planned", "scrub", "steps", "summary", "warnings"]


def scrub(path: Path, check: bool = False, **more: Any) -> Outcome:
    outcome = run_module(store_scrub, {"path": str(path), "on_damage": "report", **more}, check=check)
    assert not outcome.failed, outcome.msg
    assert not outcome.changed
    assert sorted(outcome.result) == KEYS
    return outcome


def read(path: Path, **more: Any) -> int:
    """How many blobs a scrub reads."""
    return int(scrub(path, **more)["scrub"]["read"]["blobs"])


def size_of(path: Path) -> int:
    return sum(p.stat().st_size for p in (path / "blobs").iterdir())


def count_of(path: Path) -> int:
    return len(list((path / "blobs").iterdir()))


def kept(path: Path, name: str = "scrub.json") -> Any:
    return json.loads((path / ".corral" / name).read_text())
