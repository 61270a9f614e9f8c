# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered from one look to the next: restarts that are never fewer, and the last ask of each model."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_seen import (
    Ask,
    Restarts,
    container_of,
    newest,
    remembered,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.proofs import Failure, Proof

KEY = parse_name("mistral:7b").key
WHERE = ("ollama-server-1", KEY)


@pytest.mark.parametrize(
    ("looks", "total"),
    [
        ([("a", 0), ("a", 0)], 0),
        ([("a", 2)], 2),
        ([("a", 1), ("a", 3)], 3),
        ([("a", 3), ("b", 0), ("b", 1)], 4),
        ([("a", 3), ("a", 0)], 3),
        ([("a", 3), ("b", 2)], 5),
    ],
)
def test_restarts_are_summed_up_over_containers(looks, total):
    restarts = Restarts()
    assert [restarts.total("s", container, count) for container, count in looks][-1] == total


def test_a_container_of_garbage_is_one_of_zeros():
    found = container_of({"name": "s", "id": "a", "restarts": "many", "started_at": "soon"}, Restarts())
    assert (found.restarts, found.started_at, found.running) == (0, 0.0, False)


def test_the_last_ask_counts_and_of_two_at_once_the_failure():
    early, late, failed = Ask("d", 1.0), Ask("d", 2.0), Ask("d", 2.0, "no_answer")
    assert newest([(WHERE, late), (WHERE, early)]) == {WHERE: late}
    assert newest([(WHERE, failed), (WHERE, late)]) == newest([(WHERE, late), (WHERE, failed)]) == {WHERE: failed}


def test_the_memory_of_the_host_is_read_for_declared_models():
    proofs = [
        Proof("ollama-server-1", "i", "mistral:7b", "d", 5.0, "generate", 1.5),
        Proof("s", "i", "other:1b", "d", 5.0),
    ]
    failures = [Failure("ollama-server-2", "i", "mistral:7b", "d", 6.0, "")]
    assert remembered({"mistral:7b": KEY}, proofs, failures) == {
        WHERE: Ask("d", 5.0, "", 1.5),
        ("ollama-server-2", KEY): Ask("d", 6.0, "failed"),
    }
