# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Works out on the controller what an inventory means: the table for people, plan.json and stats for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ..module_utils.core.fleet_plan import OPTIONS, fleet_plan, stats_of
from ..module_utils.core.plan_table import plan_table
from ..plugin_utils.artifacts import write_report
from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.reports import failure_text, plain, show, utc_now

display = Display()

REPORT = "plan.json"


class ActionModule(ControllerAction):
    SPEC = OPTIONS

    def _work(self, options: Mapping[str, Any], _task_vars: Mapping[str, Any]) -> dict[str, Any]:
        plan = fleet_plan(plain(options["hosts"]), utc_now())
        table = plan_table(plan, max(options["width"], 80))
        show(display, table)
        path = "" if self._task.check_mode else write_report(options["artifacts_dir"], plan, REPORT)
        if not plan["ok"] and options["fail"]:
            failure = {**stats_of(plan), "kind": "bad_plan", "problems": plan["problems"]}
            text = failure_text("The inventory cannot be deployed as it is", plan["problems"])
            return {"failed": True, "ok": False, "path": path, "msg": text, "error": failure}
        stats = {"data": {"corral_plan": stats_of(plan)}, "per_host": False, "aggregate": True}
        return {"ok": plan["ok"], "path": path, "plan": plan, "table": table, "ansible_stats": stats}
