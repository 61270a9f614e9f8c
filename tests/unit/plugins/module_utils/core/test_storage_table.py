# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes the room, as people read it; and whatever a file may hold, a table."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.plugins.module_utils.core.storage_table import storage_table

STORAGE = {
    "bytes": 19_400_000_000,
    "models": 5,
    "copies": 8,
    "saved_against_copies": 133_000_000_000,
    "shared_bytes": 12_000,
    "free_bytes": 10**12,
    "total_bytes": 2 * 10**12,
    "unique_bytes_by_model": {"a:1": 4_000_000_000, "b:1": 5_000_000_000, **{f"m{n}:1": n for n in range(6)}},
    "reclaimable": 700_000_000,
    "orphan_bytes": 500_000_000,
    "partial_bytes": 200_000_000,
    "staging_bytes": 0,
    "quarantine_bytes": 1_000_000,
    "instances": [{"name": "ollama-server-1", "bytes": 5000}, {"name": "ollama-server-2", "bytes": 7000}],
    "unreadable": 0,
}
SCRUB = {
    "ended_at": 1795305600.0,
    "last_full_at": 1795219200.0,
    "ok": False,
    "coverage": {"fraction": 0.5},
    "findings_by_kind": {"wrong_hash": 2, "orphan": 1},
}


def table(storage=None, scrub=None, width=100):
    storage, scrub = STORAGE if storage is None else storage, SCRUB if scrub is None else scrub
    return storage_table({"gpu-1": {"storage": storage, "scrub": scrub}}, width)


def test_the_section_of_a_host():
    assert table().splitlines() == [
        "",
        "Storage of gpu-1",
        "  store          19.4 GB, 5 models; 1.0 TB of 2.0 TB free",
        "  sharing saves  133.0 GB against 8 copies; 12.0 kB are in blobs that several models share",
        "  only theirs    b:1 5.0 GB, a:1 4.0 GB, m5:1 5 B, m4:1 4 B, m3:1 3 B, m2:1 2 B, and 2 more",
        "  instances      12.0 kB of their own data, most in ollama-server-2 (7.0 kB)",
        "  reclaimable    700.0 MB (orphans 500.0 MB, downloads 200.0 MB, quarantine 1.0 MB)",
        "  verified       all of it 2026-11-21 00:00Z; last scrub 2026-11-22 00:00Z: DAMAGED, 50% of the",
        "                 bytes read (2 wrong_hash, 1 orphan)",
    ]


@pytest.mark.parametrize(
    ("scrub", "said"),
    [
        ({}, "never (playbook scrub)"),
        (
            {"ok": True, "ended_at": 1795305600, "last_full_at": 0},
            "all of it never; last scrub 2026-11-22 00:00Z: no d",
        ),
        (
            {"ok": True, "ended_at": "x", "last_full_at": 1e300, "coverage": [], "findings_by_kind": 3},
            "all of it never;",
        ),
    ],
)
def test_when_it_was_verified(scrub, said):
    assert said in " ".join(table(scrub=scrub).split())


def test_a_manifest_that_cannot_be_read_makes_it_a_guess():
    assert "; an unreadable manifest makes this a guess" in " ".join(table({**STORAGE, "unreadable": 1}).split())


@pytest.mark.parametrize("odd", [{}, {"x": None}, {"x": 3}, {"x": {"storage": []}}, {"x": {"storage": {"bytes": "y"}}}])
def test_whatever_is_there_it_is_a_table(odd):
    assert isinstance(storage_table(odd), str)


def test_a_narrow_one():
    assert (
        max(len(line) for line in table({**STORAGE, "unique_bytes_by_model": {"m" * 200: 1}}, width=60).splitlines())
        <= 60
    )


def test_it_is_in_the_report_of_the_fleet_only_when_it_was_asked_for():
    told = {"storage": STORAGE, "scrub": SCRUB}
    hosts = {
        "a": {"results": [], "storage": told},
        "b": {"results": [], "storage": {}},
        "c": {"results": []},
        "d": None,
    }
    assert fleet_report(hosts, "now")["storage"] == {"a": told}
    assert "storage" not in fleet_report({"c": {"results": []}}, "now")
