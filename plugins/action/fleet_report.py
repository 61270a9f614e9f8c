# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the fleet's verdict together on the controller: table and page for people, fleet.json and stats for programs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from ansible import constants
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display

from ..module_utils.core.fleet_memory import memory_table
from ..module_utils.core.fleet_page import fleet_page
from ..module_utils.core.fleet_report import OPTIONS, fleet_report, stats_of
from ..module_utils.core.fleet_table import fleet_table
from ..module_utils.core.fleet_wide import fleet_wide
from ..module_utils.core.line_tone import BAD, GOOD, OPEN, PLAIN, tone_of
from ..module_utils.core.lockfile import parse_lock
from ..module_utils.core.service_table import service_table
from ..module_utils.core.storage_table import storage_table
from ..plugin_utils.artifacts import PAGE, REPORT, check_writable, read_report, write_report, write_text
from ..plugin_utils.controller_action import ControllerAction
from ..plugin_utils.early import load_filters
from ..plugin_utils.reports import failure_text, pieces, plain, utc_now

display = Display()

# This is the first action plugin of its own in the longest plays.
load_filters()


class ActionModule(ControllerAction):
    SPEC = OPTIONS

    def _work(self, options: Mapping[str, Any], _task_vars: Mapping[str, Any]) -> dict[str, Any]:
        if options["check_only"]:
            for name in (REPORT, PAGE):
                check_writable(options["artifacts_dir"], name)
            return {"ok": True}
        now = utc_now()
        hosts, lock = plain([options["hosts"], options["lock"]])
        every = fleet_wide(hosts, parse_lock(lock, "that was given"), now)
        report = fleet_report(every, now, read_report(options["artifacts_dir"]))
        table = _table(report, max(options["width"], 60))
        _show(table)
        paths = {"path": "", "page": ""} if self._task.check_mode else _write(options["artifacts_dir"], report)
        if not report["ok"] and options["fail"]:
            # Ansible prints a failed result in full: the message has the problems, the file has the rest.
            failure = {**stats_of(report), "kind": "fleet_not_ok", "problems": report["problems"]}
            text = failure_text("The fleet is not as declared", report["problems"])
            return {"failed": True, "ok": False, **paths, "msg": text, "error": failure}
        stats = {"data": {"corral_fleet": stats_of(report)}, "per_host": False, "aggregate": True}
        return {"ok": report["ok"], **paths, "report": report, "table": table, "ansible_stats": stats}


def _write(directory: str, report: Mapping[str, Any]) -> dict[str, str]:
    """The page first: what changed is told against fleet.json, so a run that is killed between them hides nothing."""
    page = write_text(directory, fleet_page(report), PAGE)
    return {"path": write_report(directory, report), "page": page}


def _table(report: Mapping[str, Any], width: int) -> str:
    below = (
        memory_table(report, width),
        service_table(report.get("service", {}), width),
        storage_table(report.get("storage", {}), width),
    )
    return "\n".join(filter(None, (fleet_table(report, width), *below)))


def _show(table: str) -> None:
    """In colours where Ansible's own output has them; few calls, as each is an event in AWX."""
    colours = {GOOD: constants.COLOR_OK, BAD: constants.COLOR_ERROR, OPEN: constants.COLOR_WARN}
    for tone, lines in groupby(table.splitlines(), tone_of if ANSIBLE_COLOR else lambda _line: PLAIN):
        for piece in pieces(lines):
            display.display(piece, color=colours.get(tone))
