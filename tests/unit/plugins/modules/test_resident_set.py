# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module resident_set against servers that load, keep and push out as the real one does."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import resident_set as glue
from ansible_collections.corral.ollama.plugins.modules import resident_set
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.prewarmed import (
    CODE,
    MISTRAL,
    NOMIC,
    ONE,
    TWO,
    A,
    B,
    Server,
    actions,
    rows,
    servers,
)
from ansible_collections.corral.ollama.tests.unit.scripted_server import error


@pytest.fixture(autouse=True)
def without_an_engine(monkeypatch):
    monkeypatch.setattr(glue, "rooms", lambda project, timeout: ({}, ""))


def args(listed, residents, **more):
    return {"servers": listed, "residents": residents, "project": "p", **more}


def test_what_is_missing_is_loaded_the_largest_first(tmp_path):
    memory = tmp_path / "state" / "residents.json"
    one, two = Server(), Server()
    two_only = {"name": NOMIC, "instances": [TWO]}
    with servers(one, two) as listed:
        check, real, _again, _check = four_runs(
            resident_set, args(listed, [two_only, MISTRAL, CODE], memory_path=str(memory))
        )
    assert [step["target"] for step in real["steps"]] == [
        f"{MISTRAL} on {ONE}", f"{CODE} on {ONE}", f"{MISTRAL} on {TWO}", f"{CODE} on {TWO}", f"{NOMIC} on {TWO}"
    ]  # fmt: skip
    assert check["steps"] == real["steps"]
    assert one.asked() == [(MISTRAL, "-1s", None), (CODE, "-1s", None)]
    assert two.asked()[2] == (NOMIC, "-1s", None)
    assert not [call for call in two.called("/api/generate") if call.body["model"] == NOMIC]
    assert (rows(check)[MISTRAL]["resident"], rows(real)[MISTRAL]["resident"]) == (False, True)
    assert rows(real, 1)[NOMIC]["endpoint"] == "embed"
    assert (real["ok"], real["complete"], real["waiting"]) == (True, True, [])
    assert len(json.loads(memory.read_text())["residents"]) == 5


def test_check_mode_asks_nothing_and_remembers_nothing(tmp_path):
    server = Server()
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL], memory_path=str(tmp_path / "r.json")), check=True)
    assert (outcome.changed, server.asked(), list(tmp_path.iterdir())) == (True, [], [])


def test_another_context_is_loaded_and_another_time_is_only_set():
    server = Server().has(MISTRAL, keep=None, context=4096).has(CODE, keep=60, context=8192)
    wanted = [{"name": MISTRAL, "context_length": 8192}, {"name": CODE, "keep_alive": "10m"}]
    with servers(server) as listed:
        _check, real, *_others = four_runs(resident_set, args(listed, wanted))
    assert actions(real) == {MISTRAL: "reload", CODE: "renew"}
    assert server.loads == [MISTRAL]
    assert server.asked() == [(MISTRAL, "-1s", 8192), (CODE, "600s", 8192)], "a renewal keeps the context that is there"
    assert rows(real)[CODE]["context_length"] == 8192


@pytest.mark.parametrize(
    ("declared", "left", "action"),
    [
        ("10m", 301, "keep"),
        ("10m", 290, "renew"),
        ("10m", 600, "keep"),
        ("10m", 3600, "renew"),
        ("10m", None, "renew"),
        (-1, 3600, "renew"),
        (-1, None, "keep"),
    ],
)
def test_how_long_it_stays(declared, left, action):
    server = Server().has(MISTRAL, keep=left)
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, [{"name": MISTRAL, "keep_alive": declared}]), check=True)
    assert (actions(outcome), outcome.changed) == ({MISTRAL: action}, action != "keep")


def test_an_older_version_in_memory():
    server = Server().has(MISTRAL, digest=B * 1, keep=300)
    server.weights[A], server.weights[B] = "w1", "w9"
    server.runners["w9"] = server.runners.pop("w2")
    with servers(server) as listed:
        _check, real, *_others = four_runs(resident_set, args(listed, [MISTRAL]))
    assert actions(real) == {MISTRAL: "reload"}
    assert {one["digest"] for one in server.runners.values()} == {A, B}
    assert real["results"][0]["models"][0]["digest"] == A


def test_an_older_version_that_shares_its_weights():
    old = "d" * 64
    server = Server()
    server.weights[old] = "w1"
    server.has(MISTRAL, digest=old, keep=None)
    with servers(server) as listed:
        _check, real, *_others = four_runs(resident_set, args(listed, [MISTRAL]))
    assert [one["digest"] for one in server.runners.values()] == [A]
    assert real["ok"]


def test_an_older_version_that_stays_for_ever_is_said():
    server = Server()
    server.runners["w9"] = {**Server().has(MISTRAL, keep=None).runners["w1"], "digest": B}
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL]))
    assert "stays there for ever beside it. Only a restart ends it" in outcome["warnings"][0]


def test_a_model_that_has_no_longer_context_is_not_loaded_again_and_again(tmp_path):
    server = Server()
    server.most_context = 2048
    wanted = [{"name": MISTRAL, "context_length": 8192}]
    with servers(server) as listed:
        _check, real, *_others = four_runs(resident_set, args(listed, wanted, memory_path=str(tmp_path / "r.json")))
    assert real["warnings"] == [f"{ONE}: {MISTRAL} was asked for with a context of 8192, and has 2048."]
    assert server.loads == [MISTRAL]


def test_one_that_fails_leaves_the_other_servers_theirs():
    one, two = Server(), Server()
    one.on("POST", "/api/generate", error(500, "unable to allocate"))
    with servers(one, two) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL, CODE]))
        told = run_module(resident_set, args(listed, [MISTRAL, CODE], on_failure="report"))
    assert outcome.failed
    assert f"{ONE} " in outcome.msg
    assert "unable to allocate" in outcome.msg
    assert f"{ONE}: {CODE} was not loaded, as one before it failed." in outcome.msg
    assert two.names() == [CODE, MISTRAL]
    assert (told.failed, told["ok"], len(told["problems"])) == (False, False, 2)


def test_a_server_that_is_not_there_and_a_model_that_is_not_listed():
    one, gone = Server(), Server()
    one.listed.pop(CODE)
    with servers(one, gone) as listed:
        listed[1]["url"] = "http://127.0.0.1:9"
        outcome = run_module(resident_set, args(listed, [MISTRAL, CODE], on_failure="report"))
    assert one.names() == [MISTRAL]
    assert [problem.split(":")[0] for problem in outcome["problems"]][1] == TWO
    assert f"{ONE} does not list {CODE}, which is declared resident" in outcome["problems"][0]
    assert [entry["reachable"] for entry in outcome["results"]] == [True, False]


def test_nothing_declared_is_nothing_asked():
    server = Server()
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, []))
    assert (outcome.changed, outcome["results"], server.calls) == (False, [], [])


@pytest.mark.parametrize(
    ("residents", "said"),
    [
        ([{"name": MISTRAL, "instances": ["ollama-server-9"]}], f"this host has {ONE}"),
        ([MISTRAL, {"name": "Mistral:7B"}], "declared already"),
        ([{"name": MISTRAL, "keep_alive": "soon"}], "keep_alive is 'soon'"),
        ([{"name": MISTRAL, "keep_alive": 0}], "leaves at once"),
    ],
)
def test_what_cannot_be_meant(residents, said):
    server = Server()
    with servers(server) as listed:
        outcome = run_module(resident_set, args(listed, residents))
    assert (outcome.failed, outcome.kind) == (True, "bad_input")
    assert said in outcome.msg
    assert server.calls == []


def test_a_check_before_the_run_that_makes_the_instance():
    wanted = [{"name": MISTRAL, "instances": ["ollama-server-9"]}, CODE]
    with servers(Server()) as listed:
        outcome = run_module(resident_set, args(listed, wanted, ignore_unknown=True), check=True)
        nobody = run_module(resident_set, args([], wanted, ignore_unknown=True), check=True)
    assert [step["target"] for step in outcome["steps"]] == [f"{CODE} on {ONE}"]
    assert (nobody.failed, nobody.changed) == (False, False)


@pytest.mark.parametrize("option", ["deadline", "timeout"])
def test_seconds_that_are_none(option):
    with servers(Server()) as listed:
        assert run_module(resident_set, args(listed, [MISTRAL], **{option: -1.0})).kind == "bad_input"


def test_a_memory_that_cannot_be_read_is_a_warning(tmp_path):
    path = tmp_path / "r.json"
    path.write_text("[")
    with servers(Server()) as listed:
        outcome = run_module(resident_set, args(listed, [MISTRAL], memory_path=str(path)))
    assert outcome["ok"]
    assert "cannot be used" in outcome["warnings"][0]
    assert json.loads(path.read_text())["residents"][0]["model"] == MISTRAL
