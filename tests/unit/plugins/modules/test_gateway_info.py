# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``gateway_info``: what is returned, and that a gateway that is gone is no failure."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.modules import gateway_info
from ansible_collections.corral.ollama.tests.unit.fake_haproxy import FakeHaproxy, FakeServer, FakeWorker
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module


@pytest.fixture
def haproxy(tmp_path):
    fake = FakeHaproxy(tmp_path)
    fake.have("s1", 11434)
    fake.have("s2", 11435)
    with fake.running():
        yield fake


@pytest.mark.parametrize("check", [True, False])
def test_what_it_sees(haproxy, check):
    haproxy.find("s1").scur = 2
    haproxy.find("s1").counters = {"wretr": 1, "wredis": 2}
    haproxy.find("s2").counters = {"wretr": 3}
    haproxy.find("s2").status = "DOWN"
    haproxy.worker.queued = 4
    haproxy.old = [FakeWorker(90, servers=[FakeServer("instances", "s1", 1, scur=1)], clients=1, streams=1)]
    outcome = run_module(gateway_info, {"run_dir": str(haproxy.run_dir)}, check=check)
    assert outcome["gateway"] == {
        "reachable": True,
        "version": "3.0.11",
        "pid": 100,
        "uptime_seconds": 7,
        "config_id": "one",
        "old_workers": [90],
        "retries": 4,
        "redispatches": 2,
    }
    first, second = outcome["servers"]
    assert (first["name"], first["status"], first["in_flight"], first["old_in_flight"]) == ("s1", "UP", 3, 1)
    assert (second["status"], second["address"], second["port"]) == ("DOWN", "127.0.0.1", 11435)
    assert (outcome["queued"], outcome["error"], outcome.changed) == (4, "", False)


def test_one_that_is_gone_is_a_result_of_the_same_shape(tmp_path, haproxy):
    there = run_module(gateway_info, {"run_dir": str(haproxy.run_dir)})
    gone = run_module(gateway_info, {"run_dir": str(tmp_path / "nowhere")})
    assert not gone.failed
    assert sorted(gone.result) == sorted(there.result)
    assert sorted(gone["gateway"]) == sorted(there["gateway"])
    assert gone["gateway"]["reachable"] is False
    assert str(tmp_path / "nowhere") in gone["error"]
    assert gone["servers"] == []


def test_something_else_that_answers_there_is_a_failure(haproxy):
    haproxy.script = lambda _command: "hello\n\n"
    assert run_module(gateway_info, {"run_dir": str(haproxy.run_dir)}).kind == "gateway_unreadable"
