# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people read about gateways and rollouts."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.service_table import service_table

QUIET = {"status": "UP", "in_flight": 2, "retries": 0, "redispatches": 0, "responses_5xx": 0}


def gateway(*servers, **more):
    return {"gateway": {"reachable": True}, "servers": list(servers), "queued": 3, "error": "", **more}


def test_a_quiet_gateway_is_three_lines():
    told = gateway({"name": "ollama-server-1", **QUIET}, {"name": "ollama-server-2", **QUIET})
    assert service_table({"gpu1": {"gateway": told}}).splitlines() == [
        "",
        "Gateway of gpu1",
        "  state          2 UP",
        "  requests       4 at work, 3 waiting",
        "  since start    nothing was retried, nothing failed",
    ]


def test_nothing_is_masked():
    odd = {"name": "ollama-server-2", "status": "DRAIN", "retries": 3, "redispatches": 2, "responses_5xx": 1}
    down = {"name": "ollama-server-3", "status": "DOWN", "retries": 4, "connection_errors": 7, "response_errors": 5}
    table = " ".join(
        service_table({"gpu1": {"gateway": gateway({"name": "ollama-server-1", **QUIET}, odd, down)}}).split()
    )
    for words in (
        "1 UP, 1 DOWN (ollama-server-3), 1 DRAIN (ollama-server-2)",
        "7 retried (ollama-server-2, ollama-server-3)",
        "2 taken to another instance (ollama-server-2)",
        "7 refused connections (ollama-server-3)",
        "5 broken answers (ollama-server-3)",
        "1 answers of 500 or more (ollama-server-2)",
    ):
        assert words in table


def test_a_gateway_that_is_gone_says_why():
    gone = {"gateway": {"reachable": False}, "servers": [], "queued": 0, "error": "master.sock: refused"}
    assert "does not answer: master.sock: refused" in service_table({"gpu1": {"gateway": gone}})


def test_only_a_rollout_that_did_not_end_well_is_told():
    told = {
        "unfinished": True,
        "sentences": ["ollama-server-1 is done and serves.", "ollama-server-2 was being drained."],
    }
    table = service_table({"gpu1": {"rollout": told}})
    assert "The last rollout of gpu1 was not brought to its end" in table
    assert "  ollama-server-2 was being drained." in table.splitlines()
    ended = {**told, "unfinished": False}
    for verdict in ("", "done", "rolled_back", None, 7):
        assert service_table({"gpu1": {"rollout": {**ended, "verdict": verdict}}}) == ""
    assert "The last rollout of gpu1 failed; unless" in service_table(
        {"gpu1": {"rollout": {**ended, "verdict": "failed"}}}
    )
    assert "gpu1 was paused after a failure" in service_table({"gpu1": {"rollout": {**ended, "verdict": "paused"}}})


@pytest.mark.parametrize("told", [{}, None, {"gateway": {}}, {"gateway": []}, {"rollout": "x"}])
def test_a_host_that_says_nothing(told):
    assert service_table({"gpu1": told}) == ""


def test_lines_fit():
    servers = [{"name": f"ollama-server-{number}", "status": "DOWN", "retries": number} for number in range(1, 129)]
    assert max(map(len, service_table({"gpu1": {"gateway": gateway(*servers)}}, 80).splitlines())) <= 80
