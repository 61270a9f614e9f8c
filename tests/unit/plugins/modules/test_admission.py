# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module admission: what an instance has to prove before requests come back, and what is on record then."""

from __future__ import annotations

import json

import pytest
import requests
from ansible_collections.corral.ollama.plugins.modules import admission
from ansible_collections.corral.ollama.tests.unit.admitted import MISTRAL, NOMIC, ONE, TWO, Server, failed, fleet
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs
from ansible_collections.corral.ollama.tests.unit.rollout_begun import TOKEN, member, told
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, error, recorded


@pytest.fixture
def one(tmp_path):
    with fleet(tmp_path, {ONE: {"state": "changing"}}) as found:
        yield found


def test_predicted_done_and_then_nothing(one):
    check, real, _again, _check = four_runs(admission, one.args())
    assert check["diff"] == {"before": {ONE: "changing"}, "after": {ONE: "done"}}
    (entry,) = real["results"]
    assert (entry["ok"], entry["version"], entry["image_digest"]) == (True, "0.32.15", "a" * 64)
    assert sorted(entry["seconds"]) == ["load", "probe", "undrain", "up", "watch"]
    assert (real["ok"], real["go_on"], real["problems"]) == (True, True, [])
    assert one.gateway.log == [f"ready {ONE}"]
    assert told(one.roll) == [("admitting", ONE), ("done", ONE)]
    assert _again["results"][0]["skipped"]


def test_every_model_answers_before_requests_come_back(one, monkeypatch):
    real, before = one.gateway.ready, []
    monkeypatch.setattr(one.gateway, "ready", lambda name: (before.extend(one.servers[ONE].asked()), real(name)))
    one.admit()
    assert [entry[0] for entry in before] == [MISTRAL, NOMIC]
    assert len(one.servers[ONE].asked()) == 3, "and once more when the watch ends"
    assert one.servers[ONE].asked()[2][0] == NOMIC, "the smallest of those that are loaded"


def test_what_was_proven_is_remembered(one, tmp_path):
    proofs = tmp_path / "proofs.json"
    one.admit(proof_path=str(proofs))
    assert [row["instance"] for row in json.loads(proofs.read_text())["proofs"]] == [ONE, ONE]
    one.roll.mark(TOKEN, [ONE], "changing")
    asked = len(one.servers[ONE].asked())
    one.admit(proof_path=str(proofs))
    assert len(one.servers[ONE].asked()) == 2 * asked, "an instance that was changed has to prove it anew"


def test_it_is_waited_for(one):
    server = one.servers[ONE]
    server.on("GET", "/api/version", *[Answer(cut=True, status=503)] * 5, recorded("version"))
    one.engine.set(ONE, Status="created")
    one.engine.at = {4: lambda: one.engine.set(ONE, Status="running")}
    assert one.admit(healthy_deadline=30)["ok"]


def test_a_container_that_runs_and_never_serves(one):
    one.servers[ONE].on("GET", "/api/version", error(503, "starting"))
    outcome = failed(one, "never_up", "not up within 0.5 s: its container runs, and", "503")
    assert one.gateway.log == [f"drain {ONE}"]
    assert outcome["results"][0]["seconds"].keys() == {"up"}


def test_a_container_that_crashes_again_and_again(one):
    one.engine.set(ONE, Status="restarting", ExitCode=1)
    one.engine.at = {3: lambda: one.engine.set(ONE, RestartCount=3)}
    failed(one, "crashed", "its container was restarted 3 times (exit code 1)")


def test_no_container(one, monkeypatch):
    monkeypatch.setattr("ansible_collections.corral.ollama.plugins.module_utils.glue.watching._ABSENT", 0.01)
    one.engine.all.clear()
    failed(one, "no_container", "the project p has no container for it", log=False)


@pytest.mark.parametrize(
    ("path", "answer", "kind", "said"),
    [
        ("generate", recorded("generate_runner_killed"), "unfinished_answer", "done: false"),
        ("generate", recorded("generate_preload"), "no_tokens", "without a single token"),
        ("generate", Answer(delay=3), "no_answer", "did not answer /api/generate within 0.2 s"),
        ("generate", error(500, "boom"), "server_error", "500: boom"),
        ("embed", recorded("embed_not_supported"), "server_error", "501"),
    ],
)
def test_healthy_and_generates_nothing(one, path, answer, kind, said):
    one.servers[ONE].on("POST", f"/api/{path}", answer)
    one.options = {"deadline": 0.2}
    failed(one, kind, f"{ONE} (http://", said)
    assert one.gateway.log == [f"drain {ONE}"], "no request ever got there"


def test_a_model_at_another_digest(one):
    one.options = {"models": [{"name": MISTRAL, "digest": "f" * 64}]}
    failed(one, "wrong_digest", "ffffffffffff was expected")


def test_a_model_that_is_not_listed(one):
    one.options = {"models": ["llava:7b"]}
    failed(one, "not_listed", "does not list llava:7b")


def test_the_gateway_never_calls_it_up(one, monkeypatch):
    monkeypatch.setattr(one.gateway, "ready", lambda name: one.gateway.change(name, drained=False, status="DOWN"))
    failed(one, "gateway_not_up", "after 0.5 s the gateway still calls it DOWN (address 127.0.0.1:")


def test_up_means_exactly_up(one, monkeypatch):
    monkeypatch.setattr(one.gateway, "ready", lambda name: one.gateway.change(name, drained=False, status="UP 1/2"))
    readings = one.gateway.readings
    one.gateway.at = {readings + 20: lambda: one.gateway.change(ONE, status="UP")}
    assert one.admit(healthy_deadline=30)["ok"]
    assert one.gateway.readings > readings + 20


def test_the_gateway_learns_another_address(one):
    one.gateway.change(ONE, port=1)
    port = one.servers[ONE].url.rpartition(":")[2]
    assert one.admit()["ok"]
    assert one.gateway.log == [f"address {ONE} 127.0.0.1:{port}", f"ready {ONE}"]


def test_one_that_the_gateway_does_not_know_yet(one):
    one.gateway.states.clear()
    assert (one.admit()["ok"], one.gateway.log) == (True, [])


def test_without_a_gateway(one):
    assert (one.admit(run_dir="")["ok"], one.gateway.readings) == (True, 0)
    one.roll.mark(TOKEN, [ONE], "changing")
    one.servers[ONE].on("POST", "/api/generate", error(500, "boom"))
    assert one.admit(run_dir="")["results"][0]["kind"] == "server_error"


def test_two_at_once_and_one_fails(tmp_path):
    bad = Server()
    bad.on("POST", "/api/generate", error(500, "boom"))
    with fleet(tmp_path, {ONE: {}, TWO: {}}, **{TWO: bad}) as found:
        outcome = found.admit(ONE, TWO)
        assert [entry["ok"] for entry in outcome["results"]] == [True, False]
        assert [member(found.roll, name).state for name in (ONE, TWO)] == ["done", "failed"]
        assert (outcome["ok"], outcome["go_on"]) == (False, False)
        found.roll.mark(TOKEN, [TWO], "admitting")
        again = found.admit(ONE, TWO, on_failure="fail")
        assert (again.failed, again.kind, again["error"]["instance"]) == (True, "server_error", TWO)
        assert [entry["skipped"] for entry in again["error"]["results"]] == [True, False]


def test_one_that_returns_is_recorded_as_rolled_back(one):
    one.roll.mark(TOKEN, [ONE], "failed", why="x")
    assert one.admit(returning=True)["ok"]
    assert (member(one.roll, ONE).state, told(one.roll)[-1]) == ("rolled_back", ("rolled_back", ONE))
    assert not one.admit(returning=True).changed


def test_one_that_was_removed_has_nothing_to_prove(one):
    instances = [{"name": ONE, "url": "", "kind": "remove"}]
    outcome = one.admit(instances=instances)
    assert (outcome["ok"], one.servers[ONE].calls, one.engine.inspections) == (True, [], 0)
    assert member(one.roll, ONE).state == "done"


def test_an_engine_that_is_gone_for_a_moment(one, monkeypatch):
    answers, real = [requests.ConnectionError("no engine")] * 3, one.engine.containers

    def containers(**options):
        if answers:
            raise answers.pop()
        return real(**options)

    monkeypatch.setattr(one.engine, "containers", containers)
    assert one.admit(healthy_deadline=30)["ok"]


def test_a_lost_lease_stops_it(one):
    outcome = one.admit(token="another")
    assert (outcome.kind, one.gateway.log, member(one.roll, ONE).state) == ("lease_lost", [], "changing")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"instances": [{"name": "x;y", "url": "http://x"}]}, "cannot be the name"),
        ({"instances": [{"name": "x"}]}, "x has no url"),
        ({"min_healthy_time": -1}, "min_healthy_time is -1"),
        ({"deadline": 0}, "deadline is 0"),
        ({"models": ["bad name!"]}, "models entry 1"),
    ],
)
def test_bad_input(one, more, said):
    outcome = one.admit(**more)
    assert (outcome.kind, one.gateway.readings) == ("bad_input", 0)
    assert said in outcome.msg


def test_nothing_to_admit(one):
    outcome = one.admit(instances=[])
    assert (outcome.changed, outcome["ok"], outcome["results"]) == (False, True, [])
