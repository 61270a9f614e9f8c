# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mark of the last repair, whatever became of the run that wrote it."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.repair_mark import RepairMark, parse_mark

NEVER = RepairMark()


def test_a_repair_that_ends():
    mark = NEVER.begun(["a:1"], 10.0).ended(["a:1"], 20.0)
    assert mark == RepairMark(20.0, {"a:1": 20.0})
    assert parse_mark(mark.as_bytes()) == mark


def test_a_repair_that_was_killed_is_closed_by_the_next_one():
    killed = RepairMark(5.0, {"old:1": 5.0}).begun(["a:1", "b:1"], 10.0)
    assert killed.open
    assert parse_mark(killed.as_bytes()) == killed
    assert killed.repaired_at == 5.0, "nobody restarts before it is known what was done"
    assert killed.ended(["b:1"], 30.0) == RepairMark(30.0, {"old:1": 5.0, "a:1": 30.0, "b:1": 30.0})


def test_each_model_keeps_its_own_moment():
    mark = NEVER.begun(["a:1"], 1.0).ended(["a:1"], 2.0).begun(["b:1"], 8.0).ended(["b:1"], 9.0)
    assert mark.models == {"a:1": 2.0, "b:1": 9.0}
    assert mark.of(["b:1"]).models == {"b:1": 9.0}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"repaired_at": true, "models": {}}',
        b'{"repaired_at": -1, "models": {}}',
        b'{"repaired_at": 1e300, "models": {}}',
        b'{"repaired_at": NaN, "models": {}}',
        b'{"repaired_at": 1, "models": []}',
        b'{"repaired_at": 1, "models": {"a": "soon"}}',
        b'{"repaired_at": 1, "models": {"a": 1e300}}',
        b"\xff",
    ],
)
def test_what_is_no_mark(raw):
    assert parse_mark(raw) is None
