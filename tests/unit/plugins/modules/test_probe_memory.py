# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module probe and what servers have in memory: asked with care, said before, and put back afterwards."""

from __future__ import annotations

from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.memory_room import Room
from ansible_collections.corral.ollama.plugins.module_utils.glue import probe as glue
from ansible_collections.corral.ollama.plugins.modules import probe
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import ScriptedServer, error, ok

NAMES = ("a:1", "b:1", "c:1")
DIGEST = {name: name[0] * 64 for name in NAMES}


class Memory(ScriptedServer):
    """Keeps one model in memory, as OLLAMA_MAX_LOADED_MODELS=1 does; ``asked`` is every request in its order."""

    def __init__(self, *loaded):
        super().__init__()
        self.loaded, self.asked, self.broken = list(loaded), [], ""
        rows = [{"name": name, "digest": DIGEST[name], "size": 100, "capabilities": ["completion"]} for name in NAMES]
        self.on("GET", "/api/version", ok({"version": "0.32.15"})).on("GET", "/api/tags", ok({"models": rows}))
        self.on("GET", "/api/ps", lambda _call: ok({"models": [self.row(name) for name in self.loaded]}))
        self.on("POST", "/api/generate", self.generate)

    @staticmethod
    def row(name):
        forever = "2319-01-01T00:00:00Z"
        return {"name": name, "digest": DIGEST[name], "size": 100, "context_length": 8192, "expires_at": forever}

    def generate(self, call):
        name = call.body["model"]
        keep, context = call.body.get("keep_alive"), call.body["options"].get("num_ctx")
        self.asked.append((name, keep, context))
        if name == self.broken and len(self.asked) > 1:
            return error(500, "out of memory")
        self.loaded = [name]
        return ok({"response": "x", "done": True, "eval_count": 1, "eval_duration": 1, "load_duration": 1})


@pytest.fixture
def ask():
    def run(server, *models, check=False, most=1, **changes):
        args = {"servers": [{"name": "s-1"}], "models": list(models), "on_failure": "report"}
        with server, mock.patch.object(glue, "rooms", return_value=({"s-1": Room(models=most)}, "")):
            args["servers"][0]["url"] = server.url
            return run_module(probe, {**args, "project": "f", **changes}, check=check)

    return run


def told(outcome):
    return [(one["check"], one["severity"], one["model"]) for one in outcome["findings"]]


def test_what_is_in_memory_is_asked_last_and_as_it_is(ask):
    server = Memory("a:1")
    outcome = ask(server, "a:1", "b:1", most=2)
    assert (outcome["ok"], told(outcome)) == (True, [])
    # of what is in memory neither the time nor the context changes; pushed out all the same, it comes back as it was
    assert server.asked == [("b:1", None, None), ("a:1", "-1s", 8192)]
    assert [model["name"] for model in outcome["results"][0]["models"]] == ["a:1", "b:1"]


def test_while_it_is_there_it_keeps_its_time(ask):
    server = Memory("a:1")
    ask(server, "a:1")
    assert server.asked == [("a:1", None, 8192)]


@pytest.mark.parametrize("check", [True, False])
def test_what_is_pushed_out_is_said_and_put_back(ask, check):
    server = Memory("a:1")
    outcome = ask(server, "b:1", "c:1", check=check)
    assert told(outcome) == [("asking", "note", "b:1")]
    assert outcome["findings"][0]["message"] == "Asking s-1 for b:1 pushes out a:1, which is loaded again afterwards."
    assert server.asked == ([] if check else [("b:1", None, None), ("c:1", None, None), ("a:1", "-1s", 8192)])
    assert server.loaded == ["a:1"]


def test_what_must_not_be_pushed_out_stays(ask):
    server = Memory("a:1")
    outcome = ask(server, "a:1", "b:1", evict=False)
    assert told(outcome) == [("asking", "warning", "b:1")]
    assert (server.asked, server.loaded) == ([("a:1", None, 8192)], ["a:1"])
    assert (outcome["ok"], outcome["asked"], outcome["to_ask"]) == (True, 1, [{"server": "s-1", "model": "a:1"}])
    left = outcome["results"][0]["models"][1]
    assert (left["asked"], left["answered"], left["kind"]) == (False, False, "would_evict")


def test_what_cannot_be_put_back_is_said(ask):
    server = Memory("a:1")
    server.broken = "a:1"
    outcome = ask(server, "b:1")
    assert told(outcome) == [("asking", "note", "b:1"), ("evicted", "warning", "a:1")]
    assert "could not be loaded again: s-1" in outcome["findings"][1]["message"]
    assert "out of memory" in outcome["findings"][1]["message"]


def test_nobody_reads_logs_for_a_server_without_a_model_in_memory(ask):
    with mock.patch.object(glue, "rooms", side_effect=AssertionError):
        server = Memory()
        args = {"models": ["b:1"], "on_failure": "report", "project": "f"}
        with server:
            outcome = run_module(probe, {**args, "servers": [{"name": "s-1", "url": server.url}]})
    assert (outcome["ok"], server.asked) == (True, [("b:1", None, None)])


def test_how_far_it_is(ask, tmp_path):
    ask(Memory(), *NAMES, progress_path=str(tmp_path / "progress.json"))
    written = (tmp_path / "progress.json").read_text()
    assert '"completed": 3, "total": 3' in written
    assert '"unit": "answers"' in written
