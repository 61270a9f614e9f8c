# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module drain on a scripted gateway and scripted servers: who may leave, when nothing is in flight any more, and
what happens when the gateway or the instance is killed meanwhile."""

from __future__ import annotations

import contextlib

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import drain as glue
from ansible_collections.corral.ollama.plugins.module_utils.glue import drain_wait, gateway_door
from ansible_collections.corral.ollama.plugins.modules import drain
from ansible_collections.corral.ollama.tests.unit.fake_gateway import FakeGateway
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.rollout_begun import begun, member, paths, told
from ansible_collections.corral.ollama.tests.unit.scripted_server import ScriptedServer, ok, recorded

NAMES = ("ollama-server-1", "ollama-server-2", "ollama-server-3")
FOREVER = {"name": "tiny:1b", "digest": "a" * 64, "size": 9, "size_vram": 4, "expires_at": "2319-01-01T00:00:00Z"}


@pytest.fixture
def gateway(monkeypatch):
    fake = FakeGateway()
    for name in NAMES:
        fake.have(name)
    monkeypatch.setattr(gateway_door, "Runtime", lambda run_dir, timeout: fake)
    monkeypatch.setattr(drain_wait, "STEP", 0.001)
    monkeypatch.setattr(glue, "_WAIT_STEP", 0.001)
    monkeypatch.setattr(gateway_door, "_STEP", 0.001)
    return fake


@pytest.fixture
def fleet():
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(ScriptedServer()) for name in NAMES}
        for server in servers.values():
            server.on("GET", "/api/version", recorded("version")).on("GET", "/api/ps", ok({"models": [FOREVER]}))
        yield servers


@pytest.fixture
def roll(tmp_path):
    return begun(tmp_path, {name: {} for name in NAMES})


def args(roll, fleet, *batch, **more):
    listed = [{"name": name, "url": server.url, "state": "running"} for name, server in fleet.items()]
    ours = [one for one in listed if one["name"] in batch]
    base = {**paths(roll), "instances": ours, "others": listed, "run_dir": "/run/gateway", "timeout": 1}
    return {**base, "healthy_deadline": 0.2, **more}


def leave(roll, fleet, *batch, check=False, **more):
    return run_module(drain, args(roll, fleet, *(batch or NAMES[:1]), **more), check=check)


def test_predicted_done_and_then_nothing(gateway, fleet, roll):
    check, real, _again, _check = four_runs(drain, args(roll, fleet, NAMES[0]))
    assert check["diff"]["after"] == {NAMES[0]: "drained"}
    assert gateway.log == [f"drain {NAMES[0]}"]
    assert (real["instances"][0]["in_flight_at_start"], real["instances"][0]["down"], real["out"]) == (0, False, [])
    assert told(roll) == [("draining", NAMES[0]), ("drained", NAMES[0])]


def test_check_mode_touches_nothing(gateway, fleet, roll):
    before = roll.read()
    assert leave(roll, fleet, check=True).changed
    assert (gateway.log, roll.read()) == ([], before)


def test_the_intent_and_what_is_loaded_are_on_record_before_the_first_command(gateway, fleet, roll, monkeypatch):
    seen = []
    real = gateway.drain
    monkeypatch.setattr(gateway, "drain", lambda name: (seen.append(member(roll, name)), real(name)))
    outcome = leave(roll, fleet)
    assert [(one.state, [row["name"] for row in one.residents]) for one in seen] == [("draining", ["tiny:1b"])]
    note = {"name": "tiny:1b", "digest": "a" * 64, "size": 9, "size_vram": 4, "context_length": 0}
    assert outcome["instances"][0]["residents"] == [{**note, "keep_alive_seconds": -1}]
    assert member(roll, NAMES[0]).residents == ({**note, "keep_alive_seconds": -1},)


def test_it_waits_for_two_readings_in_a_row_without_a_request(gateway, fleet, roll):
    gateway.change(NAMES[0], in_flight=3)
    gateway.at = {
        6: lambda: gateway.change(NAMES[0], in_flight=0, queued=1),
        9: lambda: gateway.change(NAMES[0], queued=0),
        10: lambda: gateway.change(NAMES[0], in_flight=1, old_in_flight=1),
        20: lambda: gateway.change(NAMES[0], in_flight=0, old_in_flight=0),
    }
    outcome = leave(roll, fleet)
    assert (outcome.failed, outcome["instances"][0]["in_flight_at_start"], outcome["instances"][0]["cut"]) == (
        False,
        3,
        0,
    )
    assert gateway.readings >= 21


@pytest.mark.parametrize(("out", "fine"), [({}, True), ({NAMES[1]: "DOWN"}, False), ({NAMES[2]: "UP 1/2"}, False)])
def test_no_more_are_out_than_may_be(gateway, fleet, roll, out, fine):
    for name, status in out.items():
        gateway.change(name, status=status)
    outcome = leave(roll, fleet)
    assert outcome.failed is not fine
    if not fine:
        (name, status) = next(iter(out.items()))
        assert outcome.kind == "too_many_out"
        assert f"2 of 3 instances would be out and at most 1 may be ({name} is {status} at the gateway)" in outcome.msg
        assert (gateway.log, told(roll)) == ([], [])
        assert leave(roll, fleet, max_unavailable="67%")["out"] == [name]


def test_the_others_are_waited_for(gateway, fleet, roll):
    gateway.change(NAMES[1], status="DOWN")
    gateway.at = {20: lambda: gateway.change(NAMES[1], status="UP")}
    assert leave(roll, fleet, healthy_deadline=30)["out"] == []


def test_the_last_one_in_service_stays(gateway, fleet, roll):
    for name in NAMES[1:]:
        gateway.change(name, status="DRAIN", drained=True)
    outcome = leave(roll, fleet, max_unavailable="3")
    assert (outcome.kind, gateway.log) == ("last_in_service", [])
    assert "no other instance of this host is in service (ollama-server-2 is DRAIN at the gateway; " in outcome.msg


def test_one_alone_may_leave(gateway, fleet, roll):
    assert not leave(roll, {NAMES[0]: fleet[NAMES[0]]}).failed


def test_what_is_out_already_takes_nothing_away(gateway, fleet, roll):
    gateway.change(NAMES[0], status="DOWN")
    gateway.change(NAMES[1], status="DOWN")
    assert leave(roll, fleet)["out"] == [NAMES[1]]


def test_a_batch_larger_than_may_be_out(gateway, fleet, roll):
    outcome = leave(roll, fleet, *NAMES[:2])
    assert (outcome.kind, outcome.msg.split(",")[0]) == ("bad_input", "The batch has 2 instances")
    assert not leave(roll, fleet, *NAMES[:2], max_unavailable="2").failed
    assert sorted(gateway.log) == [f"drain {name}" for name in NAMES[:2]]


def test_too_late_puts_the_whole_batch_back_and_says_so(gateway, fleet, roll):
    gateway.change(NAMES[1], in_flight=2, old_in_flight=1)
    outcome = leave(roll, fleet, *NAMES[:2], max_unavailable="2", drain_timeout=0.05)
    assert outcome.kind == "drain_timeout"
    assert "ollama-server-2 has 2 requests running or waiting (1 of them in old workers" in outcome.msg
    assert "ollama-server-1, ollama-server-2 is back in service" in outcome.msg
    assert sorted(gateway.log[2:]) == [f"ready {name}" for name in NAMES[:2]]
    assert [member(roll, name).state for name in NAMES[:2]] == ["planned", "planned"]
    assert "Not drained within 0.05 s" in member(roll, NAMES[0]).why


def test_too_late_and_cut_on_purpose(gateway, fleet, roll):
    gateway.change(NAMES[0], in_flight=2)
    outcome = leave(roll, fleet, drain_timeout=0.05, on_timeout="cut")
    assert (outcome.failed, outcome["instances"][0]["cut"], member(roll, NAMES[0]).state) == (False, 2, "drained")


def test_one_that_was_out_before_is_not_put_back(gateway, fleet, roll):
    roll.mark("the-roller", [NAMES[0]], "failed")
    gateway.change(NAMES[0], status="DRAIN", drained=True, in_flight=1)
    outcome = leave(roll, fleet, drain_timeout=0.05)
    assert (outcome.kind, gateway.log, member(roll, NAMES[0]).state) == ("drain_timeout", [], "failed")
    assert "Nothing is back in service" in outcome.msg


def test_a_hung_one_is_not_waited_for(gateway, fleet, roll):
    gateway.change(NAMES[0], in_flight=1)
    gateway.at = {8: lambda: gateway.change(NAMES[0], status="DOWN")}
    fleet[NAMES[0]].__exit__()
    outcome = leave(roll, fleet, drain_timeout=600)
    assert (outcome["instances"][0]["down"], outcome["instances"][0]["cut"]) == (True, 1)


def test_one_that_only_the_check_misses_is_waited_for(gateway, fleet, roll):
    gateway.change(NAMES[0], in_flight=1)
    gateway.at = {8: lambda: gateway.change(NAMES[0], status="DOWN"), 30: lambda: gateway.change(NAMES[0], in_flight=0)}
    outcome = leave(roll, fleet)
    assert (outcome["instances"][0]["down"], outcome["instances"][0]["cut"]) == (False, 0)
    assert gateway.readings > 30


@pytest.mark.parametrize("remembers", [True, False])
def test_the_gateway_is_killed_while_it_drains(gateway, fleet, roll, remembers):
    gateway.change(NAMES[0], in_flight=1)

    def kill():
        gateway.gone = True
        gateway.at[gateway.readings + 3] = back

    def back():
        gateway.gone = False
        gateway.killed(remembers)

    gateway.at = {6: kill}
    outcome = leave(roll, fleet, healthy_deadline=30)
    assert gateway.states[NAMES[0]].drained
    assert (outcome["instances"][0]["redrained"], gateway.log.count(f"drain {NAMES[0]}")) == (
        (0, 1) if remembers else (1, 2)
    )


def test_the_gateway_is_killed_right_before_the_end(gateway, fleet, roll, monkeypatch):
    real, forgot = drain_wait._drain, []

    def forgetful(door, name, before, patience):
        found = real(door, name, before, patience)
        if not forgot:
            forgot.append(gateway.killed(remembers=False))
        return found

    monkeypatch.setattr(drain_wait, "_drain", forgetful)
    outcome = leave(roll, fleet)
    assert (gateway.states[NAMES[0]].drained, outcome["instances"][0]["redrained"]) == (True, 1)


def test_a_gateway_that_stays_away(gateway, fleet, roll):
    gateway.change(NAMES[0], in_flight=1)
    gateway.at = {6: lambda: setattr(gateway, "gone", True)}
    outcome = leave(roll, fleet)
    assert (outcome.kind, member(roll, NAMES[0]).state) == ("gateway_gone", "draining")
    gateway.gone = False
    gateway.change(NAMES[0], in_flight=0)
    assert not leave(roll, fleet).failed
    assert member(roll, NAMES[0]).state == "drained"


def test_what_only_old_workers_know_is_waited_for_and_not_drained(gateway, fleet, roll):
    gateway.change(NAMES[0], known=False, status="", in_flight=1, old_in_flight=1)
    gateway.at = {12: lambda: gateway.states.pop(NAMES[0])}
    outcome = leave(roll, fleet)
    assert (outcome.failed, gateway.log, outcome["instances"][0]["in_flight_at_start"]) == (False, [], 1)
    assert gateway.readings > 12


def test_without_a_gateway_the_order_the_limit_and_the_record_are_the_same(fleet, roll):
    outcome = leave(roll, fleet, run_dir="")
    assert (outcome.changed, outcome["instances"][0]["residents"][0]["name"]) == (True, "tiny:1b")
    assert told(roll) == [("draining", NAMES[0]), ("drained", NAMES[0])]
    fleet[NAMES[2]].__exit__()
    outcome = leave(roll, fleet, NAMES[1], run_dir="")
    assert (outcome.kind, member(roll, NAMES[1]).state) == ("too_many_out", "planned")
    assert "ollama-server-3 is not answering /api/version" in outcome.msg


def test_what_was_noted_before_the_change_stays(gateway, fleet, roll):
    leave(roll, fleet)
    noted = member(roll, NAMES[0]).residents
    roll.mark("the-roller", [NAMES[0]], "changing")
    fleet[NAMES[0]].on("GET", "/api/ps", ok({"models": []}))
    outcome = leave(roll, fleet)
    assert (member(roll, NAMES[0]).residents, outcome["instances"][0]["residents"]) == (noted, [dict(noted[0])])


def test_a_server_that_dies_while_it_is_drained_keeps_its_notes(gateway, fleet, roll):
    short = {**FOREVER, "name": "short:1b", "expires_at": "2026-11-21T20:00:10Z"}
    loaded = ok({"models": [FOREVER, short]})
    fleet[NAMES[0]].on("GET", "/api/ps", loaded, loaded, ok({"models": []}))
    leave(roll, fleet)
    assert [row["name"] for row in member(roll, NAMES[0]).residents] == ["tiny:1b"]


def test_a_lost_lease_stops_it(gateway, fleet, roll):
    outcome = leave(roll, fleet, token="another")
    assert (outcome.kind, gateway.log) == ("lease_lost", [])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"instances": [{"name": "a b", "url": "http://x"}]}, "instances: 'a b' cannot be the name"),
        ({"instances": [{"name": "x;shutdown", "url": "http://x"}]}, "cannot be the name"),
        ({"instances": [{"name": "x\nshutdown", "url": "http://x"}]}, "cannot be the name"),
        ({"instances": [{"name": "x", "url": "file:///etc"}]}, "no http:// or https:// address"),
        ({"others": [{"name": "x"}, {"name": "x"}]}, "others: x is listed twice"),
        ({"max_unavailable": "some"}, "max_unavailable is"),
        ({"drain_timeout": 0}, "drain_timeout is 0"),
    ],
)
def test_bad_input(gateway, fleet, roll, more, said):
    outcome = leave(roll, fleet, **more)
    assert (outcome.kind, gateway.log) == ("bad_input", [])
    assert said in outcome.msg


def test_nothing_to_drain(gateway, fleet, roll):
    outcome = leave(roll, fleet, instances=[])
    assert (outcome.failed, outcome.changed, outcome["instances"]) == (False, False, [])
