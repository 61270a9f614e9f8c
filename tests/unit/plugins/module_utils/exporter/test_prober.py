# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who answered when, by whoever's asking; and what the exporter itself never does unless it is told to."""

from __future__ import annotations

import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.leases import ROLLOUT
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.proofs import Failure, Proof
from ansible_collections.corral.ollama.plugins.module_utils.exporter.prober import Prober
from ansible_collections.corral.ollama.plugins.module_utils.glue.proof_file import ProofFile
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.tests.unit.exported import SERVERS, config
from ansible_collections.corral.ollama.tests.unit.fake_ollama import FakeOllama, digest_of, manifest
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, error, ok

ONE = SERVERS[0]
RAW = manifest("a", "b")
KEY = parse_name("mistral:7b").key
LOADING = ("/api/generate", "/api/chat", "/api/embed", "/api/embeddings", "/v1/chat/completions", "/api/pull")
ANSWER = ok({"done": True, "response": "yes", "eval_count": 3, "eval_duration": 1000})


@pytest.fixture
def server():
    with FakeOllama() as server:
        server.models["mistral:7b"] = RAW
        server.models["llava:7b"] = RAW
        server.on("POST", "/api/generate", ANSWER)
        yield server


def resident(name="mistral:7b", expires="2318-01-01T00:00:00Z", context=8192):
    return {"name": name, "digest": digest_of(RAW), "size": 10, "expires_at": expires, "context_length": context}


def prober(server, folder, **more):
    more = {"models": ["mistral:7b", "llava:7b"], "times": {"request": 1, "answer": 1}, **more}
    return Prober(config([server.url], folder, **more), [].append)


def asked(found, server):
    """After a round: what it asked for."""
    found.read()
    found._round.join(30)
    return [call.body["model"] for path in LOADING for call in server.called(path)]


def test_without_a_resident_nothing_is_ever_asked(server, tmp_path):
    found = prober(server, tmp_path)
    for _round in range(5):
        found._last = float("-inf")
        assert asked(found, server) == []
    assert {call.method for call in server.calls} == {"GET"}
    assert found.read().asks == {}


def test_a_resident_is_asked_with_the_context_that_it_has_and_for_no_longer(server, tmp_path):
    server.on("GET", "/api/ps", ok({"models": [resident(), resident("undeclared:1b")]}))
    found = prober(server, tmp_path)
    assert asked(found, server) == ["mistral:7b"]
    body = server.called("/api/generate")[0].body
    assert body["options"]["num_ctx"] == 8192
    assert "keep_alive" not in body
    ask = found.read().asks[ONE, KEY]
    assert (ask.digest, ask.kind) == (digest_of(RAW), "")
    assert ask.seconds >= 0


def test_what_goes_out_of_memory_before_its_turn_is_not_asked(server, tmp_path):
    server.on("GET", "/api/ps", ok({"models": [resident()]}), ok({"models": []}))
    assert asked(prober(server, tmp_path), server) == []


def test_what_nobody_else_used_since_is_not_kept_in_memory(server, tmp_path):
    at = time.time() + 300
    stamps = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at + more)) for more in (0, 60)]
    server.on("GET", "/api/ps", ok({"models": [resident(expires=stamps[0])]}))
    found = prober(server, tmp_path)
    for _round in range(2):
        found._last = float("-inf")
        assert asked(found, server) == ["mistral:7b"], "its end is where our own question put it"
    server.on("GET", "/api/ps", ok({"models": [resident(expires=stamps[1])]}))
    found._last = float("-inf")
    assert asked(found, server) == ["mistral:7b"] * 2


def test_what_still_works_after_its_end_is_asked(server, tmp_path):
    """Somebody's request runs on it, for longer than it would stay without one: maybe it hangs."""
    past = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60))
    server.on("GET", "/api/ps", ok({"models": [resident(expires=past)]}))
    found = prober(server, tmp_path)
    for rounds in (1, 2):
        found._last = float("-inf")
        assert asked(found, server) == ["mistral:7b"] * rounds


def test_when_told_to_it_asks_for_all(server, tmp_path):
    assert sorted(asked(prober(server, tmp_path, probe_load=True), server)) == ["llava:7b", "mistral:7b"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Answer(delay=5), "no_answer"), (error(500, "boom"), "server_error"), (ok({"done": False}), "unfinished_answer")],
)
def test_a_failure_has_a_kind(server, tmp_path, answer, kind):
    server.on("GET", "/api/ps", ok({"models": [resident(), resident("llava:7b")]}))
    server.on("POST", "/api/generate", answer)
    found = prober(server, tmp_path)
    names = asked(found, server)
    assert found.read().asks[ONE, KEY].kind == kind
    assert len(names) == (1 if kind == "no_answer" else 2), "one that hangs is asked no more"


def test_there_is_one_round_per_interval_and_none_when_it_is_off(server, tmp_path):
    server.on("GET", "/api/ps", ok({"models": [resident()]}))
    found = prober(server, tmp_path)
    for _scrape in range(3):
        assert asked(found, server) == ["mistral:7b"]
    off = prober(server, tmp_path, times={"probe": 0})
    off.read()
    assert off._round is None


def test_a_rollout_is_not_disturbed(server, tmp_path):
    server.on("GET", "/api/ps", ok({"models": [resident()]}))
    rollout = tmp_path / "state/rollout"
    (rollout / ".corral/tmp").mkdir(parents=True)
    lease = LeaseFile(store_at(str(rollout)), purpose=ROLLOUT)
    token = lease.acquire("me", "", 600)[0].token
    assert asked(prober(server, tmp_path), server) == []
    lease.release(token)
    assert asked(prober(server, tmp_path), server) == ["mistral:7b"]


def test_a_server_that_is_gone_is_no_news_here(tmp_path):
    said = []
    found = Prober(config(["http://127.0.0.1:9"], tmp_path), said.append)
    found.read()
    found._round.join(30)
    assert "cannot be reached" in said[0]
    assert found.read().asks == {}


def test_the_newest_of_verify_and_ones_own_counts(server, tmp_path):
    server.on("GET", "/api/ps", ok({"models": [resident()]}))
    memory = ProofFile(str(tmp_path / "state/proofs.json"))
    key = (ONE, "i", "mistral:7b", digest_of(RAW))
    memory.remember([], [Failure(*key, at=time.time(), kind="server_error")], time.time())
    found = prober(server, tmp_path)
    assert found.read().asks[ONE, KEY].kind == "server_error"
    found._round.join(30)
    assert found.read().asks[ONE, KEY].kind == ""
    memory.remember([Proof(*key, at=time.time() + 5, seconds=2.5)], [], time.time())
    assert found.read().asks[ONE, KEY].seconds == 2.5


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1, "proofs": 5}', "[" * 9999])
def test_a_damaged_memory_is_told_and_no_more(server, tmp_path, text):
    (tmp_path / "state").mkdir()
    (tmp_path / "state/proofs.json").write_text(text)
    found = prober(server, tmp_path).read()
    assert (found.asks, bool(found.problem)) == ({}, bool(text))
