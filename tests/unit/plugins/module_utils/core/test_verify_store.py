# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Leases and scrubs: what is under way is a note, what was left behind a warning, damage a problem."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.leases import Lease
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_store import (
    lease_findings,
    rollout_findings,
    scrub_findings,
)

NOW, DAY = 1795302000.0, 86400.0
DAMAGED = "6591e0a9" * 8


def lease(since, renewed, expires):
    return Lease("t" * 32, "site on awx", "4711", "gpu-1", 42, NOW - since, NOW - renewed, NOW + expires)


@pytest.mark.parametrize(
    ("held", "error", "expected"),
    [
        (None, "", None),
        (None, "The lease x is not readable as a lease.", ("problem", "not readable")),
        (lease(60, 5, 300), "", ("note", "held by site on awx (job 4711, host gpu-1, pid 42) since")),
        (lease(8 * 3600, 5, 300), "", ("warning", "which is 8 h 0 min by now. See whether that job is stuck")),
        (lease(8 * 3600, 7200, -1), "", ("warning", "let it expire, so it was killed")),
    ],
)
def test_leases(held, error, expected):
    found = lease_findings("store", held, error, NOW, 6 * 3600)
    assert [(one.check, one.severity) for one in found] == ([("lease", expected[0])] if expected else [])
    assert all(expected[1] in one.message for one in found)


@pytest.mark.parametrize(
    ("unfinished", "live", "count"), [(False, False, 0), (True, True, 0), (False, True, 0), (True, False, 1)]
)
def test_a_rollout_that_nobody_leads(unfinished, live, count):
    found = rollout_findings(unfinished, live, ["ollama-server-2 was being drained."])
    assert [(one.check, one.severity) for one in found] == [("lease", "problem")] * count
    assert all("Run the playbook deploy to go on" in one.message for one in found)


WELL = {"ok": True, "ended_at": NOW - DAY, "last_full_at": NOW - DAY, "models_affected": [], "findings_by_kind": {}}
BAD = {**WELL, "ok": False, "models_affected": ["mistral:7b"], "findings_by_kind": {"wrong_digest": 1}}


@pytest.mark.parametrize(
    ("scrub", "damaged", "made", "most", "expected"),
    [
        (WELL, (), NOW - 90 * DAY, 30 * DAY, []),
        (WELL, (), NOW - 90 * DAY, DAY / 2, [("warning", "was last read as a whole at 2026-11-20 23:00:00Z")]),
        (WELL, (), NOW - 90 * DAY, 0, []),
        ({}, (), NOW - DAY, 30 * DAY, []),  # new: all of it was hashed when it was published
        ({}, (), NOW - 90 * DAY, 30 * DAY, [("warning", "was never read as a whole, and every 30 days are expected")]),
        ({}, (), NOW - 90 * DAY, 0, []),
        (
            BAD,
            (DAMAGED,),
            NOW,
            30 * DAY,
            [("problem", "1 damaged blob (6591e0a96591), of mistral:7b. Run the playbook repair")],
        ),
        ({}, (DAMAGED, "0" * 64), NOW, 0, [("problem", "2 damaged blobs (6591e0a96591, 000000000000)")]),
        (BAD, (), NOW, 30 * DAY, [("warning", "found damage: 1 wrong_digest; no damaged blob is left")]),
    ],
)
def test_scrubs(scrub, damaged, made, most, expected):
    found = scrub_findings(scrub, damaged, made, NOW, most)
    assert [(one.check, one.severity) for one in found] == [("store", severity) for severity, _text in expected]
    assert all(text in one.message for one, (_severity, text) in zip(found, expected))
