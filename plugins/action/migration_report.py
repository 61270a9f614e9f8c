# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts together on the controller what the migration of every host brought: the table, migration.json and stats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ..module_utils.core.migration_report import OPTIONS, migration_report, migration_table, stats_of
from ..plugin_utils.artifacts import write_report
from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.reports import plain, show, utc_now

display = Display()

REPORT = "migration.json"


class ActionModule(ControllerAction):
    SPEC = OPTIONS

    def _work(self, options: Mapping[str, Any], _task_vars: Mapping[str, Any]) -> dict[str, Any]:
        now = utc_now()
        hosts = plain(options["hosts"])
        report = migration_report(hosts, now, self._task.check_mode)
        table = migration_table(report, max(options["width"], 80))
        show(display, table)
        path = "" if self._task.check_mode else write_report(options["artifacts_dir"], report, REPORT)
        stats = {"data": {"corral_migration": stats_of(report)}, "per_host": False, "aggregate": True}
        return {"ok": report["ok"], "path": path, "report": report, "table": table, "ansible_stats": stats}
