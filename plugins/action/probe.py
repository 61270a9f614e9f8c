# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module probe with its progress on the screen, when there is something to wait for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..plugin_utils.follow import run_with_progress

MODULE = "corral.ollama.probe"

display = Display()


class ActionModule(ActionBase):
    """Looks first, which is quick and loads nothing: mostly everything is proven. Else it says what the asking does to
    models that are in memory, asks in the background on the target, and prints how many answers are in."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        task = self._task
        if task.async_val or task.check_mode or task.no_log:
            result.update(run_with_progress(self, MODULE, variables))
            return result
        args = {**task.args, "ask": False, "on_failure": "report"}
        looked = dict(self._execute_module(module_name=MODULE, module_args=args, task_vars=variables))
        if looked.get("failed") or _is_all(looked, task.args):
            result.update(looked)
            return result
        host = str(variables.get("inventory_hostname", "host"))
        for line in _lines(looked, host):
            display.display(line)
        result.update(run_with_progress(self, MODULE, variables))
        return result


def _is_all(looked: Mapping[str, Any], args: Mapping[str, Any]) -> bool:
    """Whether the run itself would return the same: nobody is to be asked, and nothing is to fail."""
    return not looked.get("to_ask") and (bool(looked.get("ok")) or args.get("on_failure") == "report")


def _lines(looked: Mapping[str, Any], host: str) -> Iterator[str]:
    for finding in looked.get("findings", []):
        yield f"{host}: {finding['message']}"[:999]
