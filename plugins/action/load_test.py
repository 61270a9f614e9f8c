# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module load_test with its progress on the screen; the generator's files come from the role of that name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from ..plugin_utils.follow import run_with_progress

FILES = Path(__file__).resolve().parents[2] / "roles" / "load_test" / "files"


class ActionModule(ActionBase):
    """Runs the module in the background on the target and prints how far it is."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        found = {path.name: path.read_text(encoding="utf-8") for path in sorted(FILES.glob("*.py"))}
        self._task.args.setdefault("generator", found)
        result.update(run_with_progress(self, "corral.ollama.load_test", task_vars or {}))
        return result
