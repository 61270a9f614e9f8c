# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module resident against servers that keep runners as the real one does: one for each weights file."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import resident as glue
from ansible_collections.corral.ollama.plugins.modules import resident
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import ScriptedServer, error, ok

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64
MISTRAL, NOMIC = "mistral:7b", "nomic-embed-text:v1.5"
FOREVER = "2319-01-01T00:00:00Z"
SOON = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
MODELS = [{"name": MISTRAL, "digest": NEW}, {"name": NOMIC, "digest": NEW}]


class Instance:
    """``loaded``: entries of /api/ps by weights. What is asked for gets the runner of its weights."""

    def __init__(self, server):
        self.server, self.lock = server, threading.Lock()
        self.listed = {MISTRAL: NEW, NOMIC: NEW}
        self.weights = {OLD: "w1", NEW: "w2", OTHER: "w3"}
        self.loaded = {}
        self.default_context = 4096
        server.on("GET", "/api/ps", lambda call: ok({"models": list(self.loaded.values())}))
        server.on("GET", "/api/tags", lambda call: ok({"models": [self.tag(*entry) for entry in self.listed.items()]}))
        server.on("POST", "/api/generate", self.generate)
        server.on("POST", "/api/embed", self.embed)

    @staticmethod
    def tag(name, digest):
        return {"name": name, "digest": digest, "capabilities": ["embedding" if name == NOMIC else "completion"]}

    def load(self, name, digest, expires_at=SOON, context=4096):
        entry = {"name": name, "model": name, "digest": digest, "expires_at": expires_at, "context_length": context}
        self.loaded[self.weights[digest]] = {**entry, "size": 10, "size_vram": 10}
        return self

    def ask(self, call):
        with self.lock:
            name, digest = call.body["model"], self.listed[call.body["model"]]
            weights, context = self.weights[digest], (call.body.get("options") or {}).get("num_ctx", 0)
            runner = self.loaded.get(weights)
            if runner is None or (context and runner["context_length"] != context):
                self.load(name, digest, context=context or self.default_context)
            keep = call.body.get("keep_alive", "")
            if keep == "0s":
                del self.loaded[weights]
            elif keep == "-1s":
                self.loaded[weights]["expires_at"] = FOREVER

    def generate(self, call):
        self.ask(call)
        return ok({"done": True, "response": "yes", "eval_count": 2, "load_duration": 5})

    def embed(self, call):
        self.ask(call)
        return ok({"embeddings": [[0.5, 1.0]]})

    def digests(self, name=MISTRAL):
        return sorted(entry["digest"] for entry in self.loaded.values() if entry["name"] == name)

    def asked(self):
        return [call.body for path in ("/api/generate", "/api/embed") for call in self.server.called(path)]


@pytest.fixture
def fleet():
    with ScriptedServer() as one, ScriptedServer() as two:
        yield Instance(one), Instance(two)


def args(fleet, **more):
    servers = [
        {"name": f"ollama-server-{n}", "url": one.server.url, "state": "running"} for n, one in enumerate(fleet, 1)
    ]
    return {"servers": servers, "models": MODELS, **more}


def rows(outcome, server=0):
    return {row["name"]: row for row in outcome["results"][server]["models"]}


def test_the_new_version_is_loaded_where_the_old_one_is(fleet):
    fleet[0].load(MISTRAL, OLD)
    check, real, _again, _check = four_runs(resident, args(fleet))
    assert check["steps"] == real["steps"] == [
        {"action": "reload", "target": f"{MISTRAL} on ollama-server-1", "detail": f"{OLD[:12]} → {NEW[:12]}"}
    ]  # fmt: skip
    row = rows(real)[MISTRAL]
    assert (row["old_digests"], row["digest"], row["answered"], row["endpoint"]) == ([OLD], NEW, True, "generate")
    assert rows(check)[MISTRAL]["answered"] is False
    assert sorted(rows(check)[MISTRAL]) == sorted(row)
    assert row["old_stays"].startswith("for ")
    assert real["to_restart"] == []
    assert check["reloaded"] == real["reloaded"] == ["ollama-server-1"]
    assert fleet[0].digests() == [OLD, NEW]
    assert fleet[1].asked() == []


def test_check_mode_asks_nothing(fleet):
    fleet[0].load(MISTRAL, OLD, FOREVER)
    outcome = run_module(resident, args(fleet), check=True)
    assert outcome.changed
    assert fleet[0].asked() == []
    assert outcome["to_restart"] == [
        {
            "name": "ollama-server-1",
            "kind": "restart",
            "reason": f"{MISTRAL} stays loaded at {OLD[:12]}, and is {NEW[:12]} now",
        }
    ]
    shared = run_module(resident, args(fleet, same_weights=[MISTRAL]), check=True)
    assert (shared.changed, shared["to_restart"]) == (True, [])


def test_one_that_stays_for_ever_is_handed_to_the_rolling_restart(fleet):
    fleet[0].load(MISTRAL, OLD, FOREVER)
    fleet[1].load(MISTRAL, OLD)
    check = run_module(resident, args(fleet), check=True)
    real = run_module(resident, args(fleet))
    again = run_module(resident, args(fleet))
    assert check["to_restart"] == real["to_restart"] == again["to_restart"]
    assert [one["name"] for one in real["to_restart"]] == ["ollama-server-1"]
    assert (real.changed, again.changed) == (True, False)
    assert fleet[0].asked()[0]["keep_alive"] == "-1s"
    assert fleet[0].loaded["w2"]["expires_at"] == FOREVER
    assert rows(real)[MISTRAL]["old_stays"] == rows(again)[MISTRAL]["old_stays"] == "for ever"


def test_an_embedding_model_is_asked_to_embed(fleet):
    fleet[1].load(NOMIC, OLD)
    outcome = run_module(resident, args(fleet))
    assert rows(outcome, 1)[NOMIC]["endpoint"] == "embed"
    assert not fleet[1].server.called("/api/generate")


def test_the_context_is_asked_for_only_where_it_is_not_the_servers_own(fleet):
    fleet[0].load(MISTRAL, OLD, context=4096)
    fleet[1].load(MISTRAL, OLD, context=8192)
    run_module(resident, args(fleet))
    assert ["num_ctx" in body["options"] for body in fleet[0].asked()] == [False]
    assert [body["options"].get("num_ctx") for body in fleet[1].asked()] == [None, 8192]
    assert fleet[1].loaded["w2"]["context_length"] == 8192


def test_the_runner_of_the_same_weights_is_replaced(fleet):
    fleet[0].weights[NEW] = "w1"
    fleet[0].load(MISTRAL, OLD, FOREVER)
    _check, real, _again, _again_check = four_runs(resident, args(fleet, same_weights=[MISTRAL]))
    assert fleet[0].digests() == [NEW]
    assert [body["keep_alive"] for body in fleet[0].asked()] == ["-1s", "0s", "-1s"]
    assert (rows(real)[MISTRAL]["old_stays"], real["to_restart"]) == ("", [])


def test_a_runner_that_stays_busy_is_waited_for_and_then_told(fleet, monkeypatch):
    monkeypatch.setattr(glue, "_SETTLE", 0.3)
    fleet[0].weights[NEW] = "w1"
    fleet[0].load(MISTRAL, OLD)
    fleet[0].server.on("POST", "/api/generate", ok({"done": True, "response": "yes", "eval_count": 2}))
    outcome = run_module(resident, args(fleet))
    assert (outcome["ok"], rows(outcome)[MISTRAL]["answered"]) == (True, True)
    assert rows(outcome)[MISTRAL]["old_stays"].startswith("for ")


def test_both_versions_in_memory_is_nothing_to_do(fleet):
    fleet[0].load(MISTRAL, OLD).load(MISTRAL, NEW)
    outcome = run_module(resident, args(fleet))
    assert (outcome.changed, rows(outcome)[MISTRAL]["action"]) == (False, "none")
    assert fleet[0].asked() == []


def test_what_is_no_concern_of_the_update_is_left_alone(fleet):
    fleet[0].load(MISTRAL, NEW).load("other:1b", OLD)
    outcome = run_module(resident, args(fleet, models=[{"name": MISTRAL, "digest": NEW}, NOMIC]))
    assert (outcome.changed, outcome["results"][0]["models"]) == (False, [])


def test_no_further_instance_is_touched_after_a_failure(fleet):
    for one in fleet:
        one.load(MISTRAL, OLD, FOREVER)
    fleet[0].server.on("POST", "/api/generate", error(500, "unknown model architecture"))
    outcome = run_module(resident, args(fleet))
    assert outcome.failed
    assert "ollama-server-1" in outcome.msg
    assert "unknown model architecture" in outcome.msg
    assert [entry["server"] for entry in outcome["error"]["results"]] == ["ollama-server-1", "ollama-server-2"]
    assert fleet[1].asked() == []
    told = run_module(resident, args(fleet, on_failure="report"))
    assert (told.failed, told["ok"], len(told["problems"]), told["reloaded"]) == (False, False, 1, [])
    assert fleet[1].digests() == [OLD]


def test_an_instance_that_lists_another_digest_is_not_of_this_store(fleet):
    fleet[0].load(MISTRAL, OLD).listed[MISTRAL] = OTHER
    outcome = run_module(resident, args(fleet))
    assert outcome.failed
    assert f"lists {MISTRAL} with the digest {OTHER[:12]}, and {NEW[:12]} was expected" in outcome.msg
    assert fleet[0].asked() == []


def test_an_instance_that_does_not_answer_has_nothing_in_memory(fleet):
    fleet[0].load(MISTRAL, OLD)
    with ScriptedServer() as gone:
        servers = [*args(fleet)["servers"], {"name": "ollama-server-3", "url": gone.url}]
    outcome = run_module(resident, args(fleet, servers=servers))
    assert (outcome["ok"], outcome["results"][2]["reachable"]) == (True, False)
    assert "ollama-server-3: " in outcome["results"][2]["problem"]
    assert fleet[0].digests() == [OLD, NEW]


def test_one_that_goes_away_while_it_loads(fleet):
    fleet[0].load(MISTRAL, OLD)
    fleet[0].server.on("GET", "/api/ps", ok({"models": list(fleet[0].loaded.values())}), error(500, "boom"))
    outcome = run_module(resident, args(fleet, on_failure="report"))
    assert outcome["ok"] is False
    assert outcome["problems"][0].startswith("ollama-server-1: ")
    assert "boom" in outcome["problems"][0]


def test_bad_input():
    assert "needs a name" in run_module(resident, {"servers": [{"name": "a"}], "models": []}).msg
    assert "models entry 1" in run_module(resident, {"servers": [], "models": ["bad name!"]}).msg
