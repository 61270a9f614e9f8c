# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module admission: how an instance in service is watched, and what becomes of one that does not stay healthy."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.tests.unit.admitted import ONE, failed, fleet
from ansible_collections.corral.ollama.tests.unit.scripted_server import error, recorded


@pytest.fixture
def one(tmp_path):
    with fleet(tmp_path, {ONE: {"state": "changing"}}) as found:
        yield found


WATCHED = [
    ({"RestartCount": 1, "ExitCode": 2}, "crashed", "restarted once (exit code 2)"),
    ({"Status": "exited", "ExitCode": 137}, "crashed", "its container is exited (exit code 137)"),
    ({"OOMKilled": True}, "crashed", "ran out of memory"),
    ({"StartedAt": "2026-11-21T22:30:00Z"}, "crashed", "was started anew"),
]


@pytest.mark.parametrize(("state", "kind", "said"), WATCHED)
def test_a_container_that_does_not_stay(one, monkeypatch, state, kind, said):
    real = one.gateway.ready
    monkeypatch.setattr(one.gateway, "ready", lambda name: (real(name), one.engine.set(ONE, **dict(state))))
    failed(one, kind, said)
    assert one.gateway.log == [f"ready {ONE}", f"drain {ONE}"]


def test_one_that_stops_answering_in_service(one, monkeypatch):
    real, server = one.gateway.ready, one.servers[ONE]
    monkeypatch.setattr(
        one.gateway, "ready", lambda name: (real(name), server.on("GET", "/api/version", error(500, "hung")))
    )
    failed(one, "unhealthy", "500")


def test_one_missed_answer_is_nothing(one, monkeypatch):
    real, server = one.gateway.ready, one.servers[ONE]
    script = (error(500, "busy"), recorded("version"))
    monkeypatch.setattr(one.gateway, "ready", lambda name: (real(name), server.on("GET", "/api/version", *script)))
    assert one.admit()["ok"]


def test_the_gateway_marks_it_down_while_it_is_watched(one):
    one.options = {"min_healthy_time": 30}
    one.gateway.at = {8: lambda: one.gateway.change(ONE, status="DOWN", checks_failed=2)}
    failed(one, "unhealthy", "marked it as DOWN after 2 failed checks")


def test_the_last_question_is_not_answered(one, monkeypatch):
    real, server = one.gateway.ready, one.servers[ONE]
    monkeypatch.setattr(
        one.gateway, "ready", lambda name: (real(name), server.on("POST", "/api/embed", error(500, "late")))
    )
    failed(one, "server_error", "After 0.01 s in service, ollama-server-1 (", "late")


def test_what_still_runs_on_one_that_failed_may_end(one, monkeypatch):
    real = one.gateway.ready
    monkeypatch.setattr(
        one.gateway,
        "ready",
        lambda name: (real(name), one.gateway.change(ONE, in_flight=2), one.engine.set(ONE, OOMKilled=True)),
    )
    outcome = failed(one, "crashed", "ran out of memory")
    assert outcome["results"][0]["notes"] == ["2 requests still ran on it 0.1 s after it had failed."]
    assert outcome["warnings"] == [f"{ONE}: 2 requests still ran on it 0.1 s after it had failed."]


def test_the_gateway_is_killed_while_it_is_watched(one):
    one.gateway.at = {
        6: lambda: (one.gateway.saved.add(ONE), one.gateway.killed(), one.gateway.change(ONE, status="DRAIN"))
    }
    assert one.admit(min_healthy_time=0.2)["ok"]
    assert not one.gateway.states[ONE].drained
