# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module in a process of its own: what it answered, and by how much its memory grew while it ran."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module

PREFIX = "ansible_collections.corral.ollama"


@dataclass(frozen=True)
class Measured:
    failed: bool
    result: dict[str, Any]
    grown_mib: float
    #: What Ansible would have to carry from the host to the controller.
    answer_mib: float


def measured(module: str, args: Mapping[str, Any], check: bool = False, seconds: float = 240) -> Measured:
    """Raises ``subprocess.TimeoutExpired`` when it is not done in time."""
    question = json.dumps([module, dict(args), check])
    command = [sys.executable, "-m", f"{PREFIX}.tests.property.measured"]
    done = subprocess.run(command, input=question, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, done.stderr[-3000:]
    failed, result, grown = json.loads(done.stdout)
    return Measured(failed, result, grown / 1024, len(json.dumps(result)) / 2**20)


def _peak_kib() -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def main() -> None:
    name, args, check = json.load(sys.stdin)
    module = importlib.import_module(f"{PREFIX}.plugins.modules.{name}")
    os.fsync = lambda _fd: None  # type: ignore[assignment]
    before = _peak_kib()
    outcome = run_module(module, args, check=check)
    json.dump([outcome.failed, outcome.result, _peak_kib() - before], sys.stdout)


if __name__ == "__main__":
    main()
