# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts on the disk, for the tests of what reads and writes them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.glue.rollout_file import RolloutFile
from ansible_collections.corral.ollama.plugins.modules import rollout
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module

TOKEN = "the-leader"
SECRET = "hunter2-in-the-environment"
PROJECT = f"""\
name: ollama
x-instance: &instance
  image: "a:1"
  environment: {{KEY: "{SECRET}", LEVEL: "1"}}
services:
  s-1:
    <<: *instance
    container_name: ollama-s-1
  s-2:
    <<: *instance
    container_name: ollama-s-2
  s-3:
    <<: *instance
    container_name: ollama-s-3
"""
WANTED = PROJECT.replace('LEVEL: "1"', 'LEVEL: "2"')


def instance(name: str, state: str = "running", image_id: str = "a" * 64) -> dict[str, Any]:
    return {"name": name, "state": state, "image": "a:1", "image_digest": image_id, "url": "http://127.0.0.1:1"}


def change(name: str, kind: str = "recreate") -> dict[str, str]:
    return {"name": name, "kind": kind, "reason": "environment"}


class Host:
    """A host with a project of three, in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state" / "rollout"
        self.audit = folder / "state" / "audit.jsonl"
        self.project = folder / "compose.yml"
        self.project.write_text(PROJECT)
        self.file = RolloutFile(str(self.path))

    def begin(self, *names: str, **more: Any) -> dict[str, Any]:
        """The options that begin a rollout of these instances."""
        return {
            "path": str(self.path),
            "owner": "alice",
            "job": "41",
            "goal": "level 2",
            "project_path": str(self.project),
            "changes": [change(name) for name in names],
            "instances": [instance(f"s-{number}") for number in (1, 2, 3)],
            "token": TOKEN,
            **more,
        }

    def begun(self, *names: str, **more: Any) -> Outcome:
        outcome = run_module(rollout, self.begin(*names, **more))
        assert not outcome.failed, outcome.msg
        return outcome

    def end(self, **more: Any) -> dict[str, Any]:
        return {"path": str(self.path), "state": "ended", "token": TOKEN, **more}

    def mark(self, state: str, *names: str, **facts: Any) -> None:
        self.file.mark(TOKEN, names, state, **facts)

    def states(self) -> dict[str, str]:
        record = self.file.read()
        return {one.name: one.state for one in record.members} if record else {}

    def expire(self, seconds: float = 100_000) -> None:
        """As if the holder of the lease had died that long ago."""
        path = self.path / ".corral.lease"
        lease = json.loads(path.read_text())
        for key in ("acquired_at", "renewed_at", "expires_at"):
            lease[key] -= seconds
        path.write_text(json.dumps(lease))

    def events(self) -> list[str]:
        return [event["event"] for event in self.file.audit_tail(1000)]


def order(outcome: Outcome) -> str:
    """The batches as text, canaries with a star and those in doubt with a question mark."""

    def shown(batch: Iterable[dict[str, Any]]) -> str:
        return ",".join(
            ("*" if one["canary"] else "") + one["name"] + ("?" if one["in_doubt"] else "") for one in batch
        )

    return " ".join(shown(batch) for batch in outcome["batches"])
