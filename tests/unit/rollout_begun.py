# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rollout that has begun, by hand, for what works on its instances."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import Member, Rollout
from ansible_collections.corral.ollama.plugins.module_utils.glue.rollout_file import RolloutFile

TOKEN = "the-roller"


def begun(folder: Path, members: Mapping[str, Mapping[str, Any]], **more: Any) -> RolloutFile:
    """``members``: name → what the record knows of it, ``{}`` for one that is planned to be recreated."""
    file = RolloutFile(str(folder / "rollout"), str(folder / "audit.jsonl"))
    file.acquire("me", "1", 600, TOKEN)
    rows = tuple(Member(name, **{"kind": "recreate", **known}) for name, known in members.items())
    file.begin(TOKEN, Rollout("r1", "me", "1", "goal", "2026-11-21T22:00:00Z", rows, **more))
    return file


def member(file: RolloutFile, name: str) -> Member:
    rollout = file.read()
    assert rollout is not None
    found = rollout.member(name)
    assert found is not None
    return found


def told(file: RolloutFile) -> list[tuple[str, str]]:
    """The audit log in short: event and instances."""
    audit = Path(file.audit)
    lines = [json.loads(line) for line in audit.read_text(encoding="utf-8").splitlines()] if audit.exists() else []
    return [(line["event"], ",".join(line.get("instances", []))) for line in lines]


def paths(file: RolloutFile) -> dict[str, Any]:
    """The options that every module of a roll has."""
    return {"rollout_path": file.root, "audit_path": file.audit, "token": TOKEN}
