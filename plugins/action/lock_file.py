# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the lock on the controller, out of what all hosts have in their stores, and shows what that changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ..module_utils.core.errors import CorralError
from ..module_utils.core.lock_changes import Change, changes
from ..module_utils.core.lock_plan import OPTIONS, LockPlan, plan_lock
from ..module_utils.core.lockfile import Lock, render_lock
from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.locks import lock_path, read_lock, write_lock
from ..plugin_utils.reports import plain, utc_now

display = Display()


class ActionModule(ControllerAction):
    SPEC = OPTIONS

    def _work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        path = lock_path(options["path"], task_vars)
        current = read_lock(path)
        now = utc_now()
        hosts, answers = plain([options["hosts"], options["registry"]])
        plan = plan_lock(current, hosts, answers, refresh=options["refresh"], prune=options["prune"], now=now)
        if options["plan_only"]:
            return {"path": path, "to_ask": list(plan.ask)}
        _require_all(plan)
        changed = changes(current, plan.lock)
        _show(path, changed)
        if changed and not self._task.check_mode:
            write_lock(path, plan.lock)
        return {
            "changed": bool(changed),
            "path": path,
            "to_ask": [],
            "lock": plan.lock.as_dict(),
            "changes": [change.as_dict() for change in changed],
            "warnings": list(plan.notes),
            "diff": _diff(path, current, plan.lock) if changed else {},
        }


def _require_all(plan: LockPlan) -> None:
    if plan.ask:
        names = ", ".join(entry["name"] for entry in plan.ask)
        raise CorralError(
            f"No store has {names}, and the registry was not asked.",
            kind="model_not_locked",
            remedy="Give what store_info said of them, with compare=latest and layers=true, in registry.",
            models=[entry["name"] for entry in plan.ask],
        )


def _show(path: str, changed: tuple[Change, ...]) -> None:
    """In every run, not only with --diff: a lock never changes unseen."""
    for line in [f"The lock {path}:", *(f"  {change}" for change in changed)] if changed else []:
        display.display(line)


def _diff(path: str, before: Lock, after: Lock) -> dict[str, str]:
    old = render_lock(before) if before.models else ""
    return {"before": old, "after": render_lock(after), "before_header": path, "after_header": path}
