# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``gateway``: reloaded once, never twice, not during a rollout, and refused in HAProxy's own words."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue.rollout_file import RolloutFile
from ansible_collections.corral.ollama.plugins.modules import gateway
from ansible_collections.corral.ollama.tests.unit.fake_haproxy import FakeHaproxy
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module


@pytest.fixture
def fake(tmp_path):
    run = tmp_path / "gateway" / "run"
    run.mkdir(parents=True)
    made = FakeHaproxy(run, next_config_id="two")
    made.have("s1", 11434)
    return made


@pytest.fixture
def haproxy(fake):
    with fake.running():
        yield fake


def args(haproxy, **more):
    return {"run_dir": str(haproxy.run_dir), "config_id": "two", "wait": 0.5, **more}


def test_predicted_reloaded_and_then_nothing(haproxy):
    check, real, again = four_runs(gateway, args(haproxy))[:3]
    assert haproxy.commands.count("reload") == 1
    assert check["diff"] == {"before": {"config_id": "one"}, "after": {"config_id": "two"}}
    assert check["steps"] == [{"action": "reload", "target": "gateway", "detail": "one -> two"}]
    assert check["gateway"]["config_id"] == real["gateway"]["config_id"] == "two"
    assert (check["gateway"]["pid"], real["gateway"]["pid"], real["gateway"]["old_workers"]) == (100, 101, [100])
    assert (real["previous_config_id"], again["previous_config_id"]) == ("one", "two")


def test_a_server_at_another_port_than_the_configuration_says_is_reason_enough(haproxy):
    haproxy.worker.config_id = "two"
    conf = haproxy.run_dir.parent / "conf"
    conf.mkdir()
    (conf / "haproxy.cfg").write_text("backend instances\n  server s1 127.0.0.1:12000\n")
    outcome = run_module(gateway, args(haproxy), check=True)
    assert outcome["steps"][0]["detail"] == "other ports: s1"
    (conf / "haproxy.cfg").write_text("backend instances\n  server s1 127.0.0.1:11434\n")
    assert not run_module(gateway, args(haproxy)).changed


def test_a_refused_configuration(haproxy):
    haproxy.refuses = "[/etc/corral-gateway/haproxy.cfg:7] : unknown keyword 'bind6'"
    assert run_module(gateway, args(haproxy), check=True).changed
    outcome = run_module(gateway, args(haproxy))
    assert outcome.kind == "gateway_refused"
    assert "unknown keyword 'bind6'" in outcome.msg
    assert "ALERT" in outcome["error"]["log"]
    assert haproxy.worker.pid == 100


def test_somebody_else_wrote_another_configuration(haproxy):
    haproxy.next_config_id = "three"
    outcome = run_module(gateway, args(haproxy))
    assert outcome.kind == "gateway_other_config"
    assert (outcome["error"]["found"], outcome["error"]["expected"]) == ("three", "two")


def test_one_that_is_gone(fake):
    outcome = run_module(gateway, args(fake))
    assert outcome.kind == "gateway_gone"
    assert "docker logs" in outcome.msg
    predicted = run_module(gateway, args(fake), check=True)
    assert (predicted.changed, predicted["previous_config_id"]) == (True, "")


def test_one_that_starts_meanwhile_has_the_new_configuration(fake):
    fake.worker.config_id = "two"
    looks = []

    def script(command):
        looks.append(command)
        return "#<PID>\n# workers\n\n" if len(looks) < 4 else None

    fake.script = script
    with fake.running():
        outcome = run_module(gateway, args(fake, wait=60))
    assert (outcome.changed, outcome["gateway"]["config_id"]) == (False, "two")
    assert "reload" not in looks


def test_not_while_a_rollout_is_under_way(haproxy, tmp_path):
    rollouts = RolloutFile(str(tmp_path / "state" / "rollout"))
    lease, _old = rollouts.acquire("alice", "41", 300)
    for check in (True, False):
        outcome = run_module(gateway, args(haproxy, rollout_path=rollouts.root), check=check)
        assert outcome.kind == "lease_held"
        assert "alice" in outcome.msg
    assert "reload" not in haproxy.commands
    assert not run_module(gateway, args(haproxy, rollout_path=rollouts.root, config_id="one")).failed
    assert run_module(gateway, args(haproxy, rollout_path=rollouts.root, token=lease.token)).changed
    assert rollouts.lease.read().token == lease.token


def test_none_begins_meanwhile(haproxy, tmp_path):
    rollouts = RolloutFile(str(tmp_path / "state" / "rollout"))
    held = []

    def script(command):
        if command == "reload":
            held.append(rollouts.lease.read().owner)
        return

    haproxy.script = script
    assert run_module(gateway, args(haproxy, rollout_path=rollouts.root)).changed
    assert held == ["corral.ollama.gateway (a reload)"]
    assert rollouts.lease.read() is None


@pytest.mark.parametrize("config_id", ["", "a b", "a\nb", "x" * 513])
def test_an_id_that_cannot_be_one(haproxy, config_id):
    assert run_module(gateway, args(haproxy, config_id=config_id)).kind == "bad_input"
