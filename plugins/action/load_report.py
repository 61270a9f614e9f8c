# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the load tests of all hosts together on the controller: table and page for people, load.json and stats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ..module_utils.core.load_page import load_page
from ..module_utils.core.load_report import OPTIONS, load_report, stats_of
from ..module_utils.core.load_table import load_table
from ..plugin_utils.artifacts import check_writable, write_report, write_text
from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.reports import failure_text, plain, show, utc_now

display = Display()

REPORT, PAGE = "load.json", "load.html"


class ActionModule(ControllerAction):
    SPEC = OPTIONS

    def _work(self, options: Mapping[str, Any], _task_vars: Mapping[str, Any]) -> dict[str, Any]:
        if options["check_only"]:
            for name in (REPORT, PAGE):
                check_writable(options["artifacts_dir"], name)
            return {"ok": True}
        now = utc_now()
        hosts = plain(options["hosts"])
        report = load_report(hosts, now, options["max_error_ratio"], options["fail_on_masked"])
        table = load_table(report, max(options["width"], 80))
        show(display, table)
        paths = {"path": "", "page": ""} if self._task.check_mode else _write(options["artifacts_dir"], report)
        if not report["ok"] and options["fail"]:
            # Ansible prints a failed result in full: the message has the problems, the file has the rest.
            failure = {**stats_of(report), "kind": "load_not_ok", "problems": report["problems"]}
            text = failure_text("The load test did not end well", report["problems"])
            return {"failed": True, "ok": False, **paths, "msg": text, "error": failure}
        stats = {"data": {"corral_load": stats_of(report)}, "per_host": False, "aggregate": True}
        told = {"problems": report["problems"], "table": table, "ansible_stats": stats}
        return {"ok": report["ok"], **paths, "summary": stats_of(report), **told}


def _write(directory: str, report: Mapping[str, Any]) -> dict[str, str]:
    page = write_text(directory, load_page(report), PAGE)
    return {"path": write_report(directory, report, REPORT), "page": page}
