# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module drain on a scripted gateway and scripted servers: who may leave, and what is on record about it."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.modules import drain
from ansible_collections.corral.ollama.tests.unit.drained import NAMES, args, leave, leaving
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs
from ansible_collections.corral.ollama.tests.unit.rollout_begun import begun, member, told


@pytest.fixture
def host(tmp_path):
    with leaving(tmp_path) as found:
        yield found


@pytest.fixture
def gateway(host):
    return host.gateway


@pytest.fixture
def fleet(host):
    return host.servers


@pytest.fixture
def roll(host):
    return host.roll


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


@pytest.mark.parametrize(("state", "fine"), [("done", True), ("planned", False), ("rolled_back", False)])
def test_what_was_removed_is_not_waited_for(tmp_path, gateway, fleet, state, fine):
    (tmp_path / "fewer").mkdir()
    leaves = {NAMES[0]: {"kind": "remove"}, NAMES[1]: {"kind": "remove", "state": state}}
    gateway.change(NAMES[1], status="DOWN")
    outcome = leave(begun(tmp_path / "fewer", leaves), fleet)
    assert (outcome.failed, gateway.log) == ((False, [f"drain {NAMES[0]}"]) if fine else (True, []))


def test_what_was_made_anew_and_is_down_is_waited_for(tmp_path, gateway, fleet):
    (tmp_path / "anew").mkdir()
    gateway.change(NAMES[1], status="DOWN")
    roll = begun(tmp_path / "anew", {NAMES[0]: {}, NAMES[1]: {"state": "done"}})
    assert leave(roll, fleet).kind == "too_many_out"


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
    assert (outcome.kind, outcome.msg.split(",", maxsplit=1)[0]) == ("bad_input", "The batch has 2 instances")
    assert not leave(roll, fleet, *NAMES[:2], max_unavailable="2").failed
    assert sorted(gateway.log) == [f"drain {name}" for name in NAMES[:2]]


def test_without_a_gateway_the_order_the_limit_and_the_record_are_the_same(fleet, roll):
    outcome = leave(roll, fleet, run_dir="")
    assert (outcome.changed, outcome["instances"][0]["residents"][0]["name"]) == (True, "tiny:1b")
    assert told(roll) == [("draining", NAMES[0]), ("drained", NAMES[0])]
    fleet[NAMES[2]].__exit__()
    outcome = leave(roll, fleet, NAMES[1], run_dir="")
    assert (outcome.kind, member(roll, NAMES[1]).state) == ("too_many_out", "planned")
    assert "ollama-server-3 is not answering /api/version" in outcome.msg


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
