# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what each playbook run changed and how it failed as JSON lines to $CORRAL_RECORD, for the tests to read."""

from __future__ import annotations

import json
import os
import time

from ansible import context
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: record
type: notification
short_description: Record changes and failures for the Molecule tests
description: Appends JSON lines to the file that the environment variable E(CORRAL_RECORD) names.
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, event, **facts):
        path = os.environ.get("CORRAL_RECORD")
        if path:
            with open(path, "a", encoding="utf-8") as record:
                record.write(json.dumps({"event": event, "at": time.time(), **facts}, default=str) + "\n")

    def _task(self, event, result, **facts):
        self._write(event, host=result.host.get_name(), task=result.task.get_name(), action=result.task.action, **facts)

    def v2_playbook_on_start(self, playbook):
        self._write("start", playbook=os.path.basename(playbook._file_name), check=bool(context.CLIARGS.get("check")))

    def v2_runner_on_ok(self, result):
        if result.result.get("changed"):
            self._task("changed", result, diff=result.result.get("diff"))

    def v2_runner_on_failed(self, result, ignore_errors=False):
        data = result.result
        self._task("failed", result, ignored=ignore_errors, msg=data.get("msg", ""), error=data.get("error"))

    def v2_runner_on_unreachable(self, result):
        self._task("unreachable", result, msg=result.result.get("msg", ""))

    def v2_playbook_on_stats(self, stats):
        self._write("stats", hosts={host: stats.summarize(host) for host in stats.processed})
