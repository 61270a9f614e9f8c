# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module drain while things happen: until nothing is in flight any more, too late, and when the gateway or the
instance is killed meanwhile."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import drain_wait
from ansible_collections.corral.ollama.tests.unit.drained import FOREVER, NAMES, leave, leaving
from ansible_collections.corral.ollama.tests.unit.rollout_begun import TOKEN, member
from ansible_collections.corral.ollama.tests.unit.scripted_server import ok


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


def test_it_waits_for_two_readings_in_a_row_without_a_request(gateway, fleet, roll, monkeypatch):
    # the last look would find what a wait that is too short has left
    monkeypatch.setattr(drain_wait, "_still_to_do", lambda door, found: [])
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
    roll.mark(TOKEN, [NAMES[0]], "failed")
    gateway.change(NAMES[0], status="DRAIN", drained=True, in_flight=1)
    outcome = leave(roll, fleet, drain_timeout=0.05)
    assert (outcome.kind, gateway.log, member(roll, NAMES[0]).state) == ("drain_timeout", [], "failed")
    assert "Nothing is back in service" in outcome.msg


def test_a_hung_one_is_not_waited_for(gateway, fleet, roll):
    gateway.change(NAMES[0], in_flight=1)
    gateway.at = {8: lambda: gateway.change(NAMES[0], status="DOWN")}
    fleet[NAMES[0]].__exit__()
    outcome = leave(roll, fleet, drain_timeout=30)
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


def test_somebody_else_puts_it_back_all_the_time(gateway, fleet, roll, monkeypatch):
    real = drain_wait._still_to_do

    def undone(door, found):
        gateway.ready(NAMES[0])
        return real(door, found)

    monkeypatch.setattr(drain_wait, "_still_to_do", undone)
    outcome = leave(roll, fleet)
    assert (outcome.kind, member(roll, NAMES[0]).state) == ("drain_undone", "draining")


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


def test_what_was_noted_before_the_change_stays(gateway, fleet, roll):
    leave(roll, fleet)
    noted = member(roll, NAMES[0]).residents
    roll.mark(TOKEN, [NAMES[0]], "changing")
    fleet[NAMES[0]].on("GET", "/api/ps", ok({"models": []}))
    outcome = leave(roll, fleet)
    assert (member(roll, NAMES[0]).residents, outcome["instances"][0]["residents"]) == (noted, [dict(noted[0])])


def test_a_server_that_dies_while_it_is_drained_keeps_its_notes(gateway, fleet, roll):
    short = {**FOREVER, "name": "short:1b", "expires_at": "2026-11-21T20:00:10Z"}
    loaded = ok({"models": [FOREVER, short]})
    fleet[NAMES[0]].on("GET", "/api/ps", loaded, loaded, ok({"models": []}))
    leave(roll, fleet)
    assert [row["name"] for row in member(roll, NAMES[0]).residents] == ["tiny:1b"]
