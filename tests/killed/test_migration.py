# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed before every single change that writing the record makes: it is the old one or the new one, and the next run
goes on from there with what was noted first."""

from __future__ import annotations

from ansible_collections.corral.ollama.plugins.module_utils.glue.migration import read_record
from ansible_collections.corral.ollama.plugins.modules import migration
from ansible_collections.corral.ollama.tests.killed.killing import killed_before
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.core.test_migration import box, found


def test_the_record_is_the_old_one_or_the_new_one(tmp_path):
    path = str(tmp_path / "state" / "migration.json")
    stopped = {**found("a", "b"), "containers": [box(name, running=False, restart_policy="no") for name in "ab"]}
    steps = [
        ("", {"phase": "started", "found": found("a", "b")}),
        ("started", {"phase": "merged", "merge": {"models": []}}),
        ("merged", {"phase": "started", "found": stopped}),
    ]
    for before, args in steps:
        number = 1
        while not killed_before(number, migration, {"path": path, **args}):
            record = read_record(path)
            assert (record.phase if record else "") in (before, args["phase"])
            number += 1
        assert number > 3
        record = read_record(path)
        assert record is not None
        assert record.phase == args["phase"]
        assert [row["restart_policy"] for row in record.containers] == ["always", "always"]
