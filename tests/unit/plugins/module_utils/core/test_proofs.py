# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered as proven, for how long, and what a damaged memory is."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.proofs import (
    Failure,
    Proof,
    dumped,
    fresh,
    loaded,
    loaded_failures,
    merged,
    still_failing,
)

DAY = 86400.0
PROOF = Proof("ollama-server-1", "a" * 64, "mistral:7b", "b" * 64, 1000.0, "generate")
KNOWN = {PROOF.key: PROOF}
FAILURE = Failure(*PROOF.key, at=1500.0, kind="no_answer")


@pytest.mark.parametrize(
    ("now", "max_age", "deep", "counts"),
    [
        (1000.0, 60, False, True),
        (1059.9, 60, False, True),
        (1060.0, 60, False, False),
        (999.0, 60, False, False),
        (1000.0, 0, False, False),
        (1001.0, 60, True, False),
    ],
)
def test_a_proof_counts_for_a_while(now, max_age, deep, counts):
    assert (fresh(KNOWN, PROOF.key, now, max_age, deep) is PROOF) is counts


@pytest.mark.parametrize("position", range(4))
def test_another_instance_image_model_or_digest_is_not_proven(position):
    other = list(PROOF.key)
    other[position] = "other"
    assert fresh(KNOWN, tuple(other), 1001.0, 60) is None
    other[position] = ""
    unknown = Proof(*other, at=1000.0)
    assert fresh({unknown.key: unknown}, unknown.key, 1001.0, 60) is None


def test_new_proofs_come_in_failed_and_old_ones_go_out():
    later = Proof("ollama-server-2", *PROOF.key[1:], at=1000.0 + 89 * DAY)
    again = Proof(*PROOF.key, at=2000.0)
    assert merged(KNOWN, [again], [], 2000.0) == {PROOF.key: again}
    assert merged(KNOWN, [], [PROOF.key, ("never", "seen", "", "")], 2000.0) == {}
    assert merged(KNOWN, [later], [], later.at + 2 * DAY) == {later.key: later}


def test_what_was_written_can_be_read():
    assert loaded(dumped(KNOWN, {})) == KNOWN
    assert loaded(dumped({}, {})) == {}
    assert loaded_failures(dumped({}, {FAILURE.key: FAILURE})) == {FAILURE.key: FAILURE}
    assert loaded_failures('{"schema": 1, "proofs": []}') == {}, "as it was written before failures were kept"


def test_a_failure_stays_until_a_proof_or_for_a_while():
    known = {FAILURE.key: FAILURE}
    assert still_failing({}, [], [FAILURE], 1500.0) == known
    assert still_failing(known, [], [], 1500.0 + 89 * DAY) == known
    assert still_failing(known, [PROOF], [], 1500.0) == {}
    assert still_failing(known, [], [], 1500.0 + 91 * DAY) == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"schema": 2, "proofs": []}',
        '{"schema": 1}',
        '{"schema": 1, "proofs": [5]}',
        json.dumps({"schema": 1, "proofs": [{**PROOF.__dict__, "at": "today"}]}),
        json.dumps({"schema": 1, "proofs": [{**PROOF.__dict__, "at": True}]}),
        json.dumps({"schema": 1, "proofs": [{**PROOF.__dict__, "model": None}]}),
    ],
)
def test_damage_is_seen(text):
    with pytest.raises(ValueError, match=r"."):
        loaded(text)
