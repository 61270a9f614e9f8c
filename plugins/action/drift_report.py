# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together on the controller who has which digest: the table for people, drift.json and stats for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ..module_utils.core.drift import OPTIONS, drift_report, stats_of
from ..module_utils.core.drift_table import drift_table
from ..module_utils.core.lockfile import parse_lock
from ..plugin_utils.artifacts import write_report
from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.reports import failure_text, plain, show, utc_now

display = Display()

REPORT = "drift.json"


class ActionModule(ControllerAction):
    SPEC = OPTIONS

    def _work(self, options: Mapping[str, Any], _task_vars: Mapping[str, Any]) -> dict[str, Any]:
        now = utc_now()
        hosts, lock = plain([options["hosts"], options["lock"]])
        report = drift_report(hosts, parse_lock(lock, "that was given"), now)
        table = drift_table(report, max(options["width"], 80))
        show(display, table)
        path = "" if self._task.check_mode else write_report(options["artifacts_dir"], report, REPORT)
        if not report["ok"] and options["fail"]:
            # Ansible prints a failed result in full: the message has the problems, the file has the rest.
            failure = {**stats_of(report), "kind": "drift", "problems": report["problems"]}
            text = failure_text("The fleet has drifted", report["problems"])
            return {"failed": True, "ok": False, "path": path, "msg": text, "error": failure}
        stats = {"data": {"corral_drift": stats_of(report)}, "per_host": False, "aggregate": True}
        return {"ok": report["ok"], "path": path, "report": report, "table": table, "ansible_stats": stats}
