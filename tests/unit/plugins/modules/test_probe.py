# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module probe against scripted servers that answer with recordings of the real one, and misbehave like it."""

from __future__ import annotations

import json
import os
import stat

import pytest
from ansible_collections.corral.ollama.plugins.modules import probe
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import (
    Answer,
    ScriptedServer,
    error,
    ok,
    recorded,
    transcript,
)

MISTRAL = "6591e0a9b6764bb1bdf4fb323ced46675455b1ae31bf59d1d90024eabc7f3f67"
NOMIC = "01f5d3b1adaa18e3a9c96087b9b96ef0b274eb5da88611734c202646e4c6cd19"
IMAGE = "a" * 64


@pytest.fixture
def server():
    with ScriptedServer() as scripted:
        scripted.on("GET", "/api/version", recorded("version"))
        scripted.on("GET", "/api/tags", recorded("tags_with_embedding_model"))
        scripted.on("GET", "/api/ps", recorded("ps_embedding_loaded"))
        scripted.on("POST", "/api/generate", recorded("generate"))
        scripted.on("POST", "/api/embed", recorded("embed_ok"))
        yield scripted


def ask(server, models=("mistral:7b", "nomic-embed-text:v1.5"), check=False, **changes):
    servers = [{"name": "ollama-server-3", "url": server.url, "image_digest": IMAGE, "state": "running"}]
    args = {"servers": servers, "models": list(models), "recheck_delay": 0.01, "on_failure": "report", **changes}
    return run_module(probe, args, check=check)


def test_each_model_is_asked_by_what_it_can_do(server):
    outcome = ask(server, [{"name": "mistral:7b", "digest": MISTRAL}, {"name": "nomic-embed-text:v1.5"}])
    assert (outcome.failed, outcome.changed, outcome["ok"], outcome["asked"]) == (False, False, True, 2)
    mistral, nomic = outcome["results"][0]["models"]
    assert outcome["results"][0]["version"] == "0.32.15"
    assert (mistral["digest"], mistral["listed"], mistral["answered"]) == (MISTRAL, True, True)
    assert (mistral["endpoint"], mistral["tokens"], mistral["tokens_per_second"]) == ("generate", 8, 1022.364)
    assert mistral["load_seconds"] == 0.258
    assert (nomic["endpoint"], nomic["dimensions"], nomic["size"], nomic["digest"]) == ("embed", 64, 702545, NOMIC)
    assert not server.called("/api/chat")
    assert [call.body["model"] for call in server.called("/api/generate")] == ["mistral:7b"]
    assert server.called("/api/generate")[0].body["options"] == {"num_predict": 4, "temperature": 0, "seed": 1}


FAILURES = [
    ("generate", recorded("generate_runner_killed"), "unfinished_answer", "done: false"),
    ("generate", recorded("generate_preload"), "no_tokens", "without a single token"),
    ("generate", recorded("generate_blob_truncated_while_mmapped"), "server_error", "500: an error was encountered"),
    ("generate", recorded("corrupt_weights_missing_generate"), "refuses_generate", "restart this instance"),
    ("generate", recorded("generate_load_timeout"), "server_error", "timed out waiting for llama-server"),
    ("embed", ok({"embeddings": [[0.0, 0.0]]}), "bad_vector", "nothing but zeros"),
    ("embed", Answer(body=b'{"embeddings": [[NaN, 1]]}'), "bad_vector", "no finite numbers"),
    ("embed", ok({"embeddings": []}), "bad_vector", "without a vector"),
    ("embed", recorded("embed_not_supported"), "server_error", "501"),
    ("generate", Answer(body=b"<html>", status=200), "server_error", "not Ollama's JSON"),
]


@pytest.mark.parametrize(("endpoint", "answer", "kind", "said"), FAILURES)
def test_an_answer_that_is_none(server, endpoint, answer, kind, said):
    server.on("POST", f"/api/{endpoint}", answer)
    outcome = ask(server)
    assert (outcome["ok"], len(outcome["problems"])) == (False, 1)
    failed = outcome["results"][0]["models"][0 if endpoint == "generate" else 1]
    assert (failed["listed"], failed["answered"], failed["kind"]) == (True, False, kind)
    assert outcome["problems"][0].startswith(f"ollama-server-3 ({server.url}) lists {failed['name']} but ")
    assert said in outcome["problems"][0]


def test_one_that_lists_but_does_not_answer_is_named_and_left_alone(server):
    server.on("POST", "/api/generate", Answer(delay=5))
    outcome = ask(server, deadline=0.3)
    first, second = outcome["problems"]
    assert "lists mistral:7b but did not answer /api/generate within 0.3 s" in first
    assert "was not asked for nomic-embed-text:v1.5, as it did not answer mistral:7b" in second
    assert not server.called("/api/embed")


def test_a_model_that_is_gone_for_a_moment_is_looked_for_again(server):
    server.on("GET", "/api/tags", recorded("tags_empty"), error(500, "stat x"), recorded("tags_with_embedding_model"))
    assert ask(server)["ok"]
    assert len(server.called("/api/tags")) == 3


def test_a_model_that_is_not_listed(server):
    outcome = ask(server, ["mistral:7b", "llava:7b"])
    said = f"ollama-server-3 ({server.url}) does not list llava:7b (looked 4 times)."
    assert outcome["problems"] == [said]
    assert [model["answered"] for model in outcome["results"][0]["models"]] == [True, False]


def test_another_digest_is_not_even_asked(server):
    outcome = ask(server, [{"name": "mistral:7b", "digest": "f" * 64}])
    assert "with the digest 6591e0a9b676, and ffffffffffff was expected" in outcome["problems"][0]
    assert not server.called("/api/generate")


def test_a_server_that_is_not_there():
    with ScriptedServer() as gone:
        url = gone.url
    args = {"servers": [{"name": "ollama-server-8", "url": url}], "models": ["mistral:7b"]}
    outcome = run_module(probe, args)
    assert (outcome.failed, outcome.kind) == (True, "server_gone")
    assert "ollama-server-8: " in outcome.msg
    assert outcome["error"]["results"][0]["models"][0]["listed"] is False


def test_a_server_that_starts_meanwhile_is_waited_for(server):
    server.on("GET", "/api/version", error(503, "starting"), recorded("version"))
    assert ask(server, wait=5)["ok"]


def test_all_problems_of_all_servers_are_in_one_failure(server):
    server.on("POST", "/api/generate", recorded("generate_runner_killed"))
    servers = [{"name": f"ollama-server-{number}", "url": server.url} for number in (1, 2)]
    outcome = run_module(probe, {"servers": servers, "models": ["mistral:7b"]})
    assert outcome.msg.startswith("2 things are in the way. (1) ollama-server-1 (")
    assert outcome["error"]["kinds"] == ["unfinished_answer"] * 2


def test_a_busy_server_is_asked_again_and_that_is_reported(server, monkeypatch):
    monkeypatch.setattr(probe, "Asking", _quick)
    server.on("POST", "/api/generate", recorded("generate_queue_full"), recorded("generate"))
    assert ask(server)["results"][0]["models"][0]["retries"] == 1
    server.on("POST", "/api/generate", recorded("generate_queue_full"))
    assert "was too busy to answer within 0.5 s" in ask(server, deadline=0.5)["problems"][0]


def _quick(deadline, keep_alive):
    from ansible_collections.corral.ollama.plugins.module_utils.glue import ask as room

    return room.Asking(deadline, keep_alive, sleep=lambda seconds: None)


@pytest.mark.parametrize(("model", "endpoint"), [("mistral:7b", "generate"), ("nomic-embed-text:v1.5", "embed")])
def test_an_old_server_that_tells_no_capabilities(server, model, endpoint):
    listed = transcript("tags_with_embedding_model")["response"]["json"]
    for entry in listed["models"]:
        del entry["capabilities"]
    server.on("GET", "/api/tags", ok(listed))
    server.on("POST", "/api/show", recorded("v0207_show"))
    outcome = ask(server, [model])
    assert outcome["ok"]
    assert outcome["results"][0]["models"][0]["endpoint"] == endpoint
    assert len(server.called("/api/generate")) == (endpoint == "generate")


def test_what_nothing_marks_as_an_embedding_model_is_found_out(server):
    listed = {"models": [{"name": "odd:1", "digest": MISTRAL, "details": {"family": "odd"}}]}
    server.on("GET", "/api/tags", ok(listed)).on("POST", "/api/show", recorded("show_unknown"))
    server.on("POST", "/api/generate", recorded("embedding_only_generate"))
    assert ask(server, ["odd:1"])["results"][0]["models"][0]["endpoint"] == "embed"


def test_what_is_proven_is_not_asked_again(server, tmp_path):
    memory = {"proof_path": str(tmp_path / "state" / "proofs.json"), "max_age": 3600}
    assert (ask(server, **memory)["asked"], ask(server, **memory)["asked"]) == (2, 0)
    again = ask(server, **memory)
    assert [model["from_proof"] for model in again["results"][0]["models"]] == [True, True]
    assert (again["ok"], again["to_ask"], again["results"][0]["models"][0]["answered"]) == (True, [], True)
    assert stat.S_IMODE(os.stat(memory["proof_path"]).st_mode) == 0o600
    assert ask(server, deep=True, **memory)["asked"] == 2
    assert ask(server, **{**memory, "max_age": 0})["asked"] == 2
    assert len(server.called("/api/tags")) == 5


def test_a_proof_that_failed_since_counts_no_more(server, tmp_path):
    memory = {"proof_path": str(tmp_path / "proofs.json"), "max_age": 3600}
    ask(server, **memory)
    server.on("POST", "/api/generate", recorded("generate_runner_killed"), recorded("generate"))
    assert not ask(server, deep=True, **memory)["ok"]
    healed = ask(server, **memory)
    assert (healed["ok"], healed["asked"]) == (True, 1)


def test_damaged_proofs_are_a_warning(server, tmp_path):
    path = tmp_path / "proofs.json"
    path.write_text('{"schema": 1, "proofs": [{"instance": 5}]}')
    outcome = ask(server, proof_path=str(path), max_age=3600)
    assert (outcome["ok"], outcome["asked"]) == (True, 2)
    assert "cannot be used" in outcome["warnings"][0]
    assert len(json.loads(path.read_text())["proofs"]) == 2


def test_proofs_that_cannot_be_written_are_a_warning(server, tmp_path):
    (tmp_path / "file").write_text("")
    outcome = ask(server, proof_path=str(tmp_path / "file" / "proofs.json"), max_age=3600)
    assert (outcome["ok"], outcome["asked"]) == (True, 2)
    assert "What was proven cannot be remembered" in outcome["warnings"][-1]


def test_check_mode_asks_nothing_and_says_what_it_would(server, tmp_path):
    path = tmp_path / "proofs.json"
    outcome = ask(server, check=True, proof_path=str(path), max_age=3600)
    assert (outcome["asked"], outcome["ok"], outcome.changed) == (0, True, False)
    assert [entry["model"] for entry in outcome["to_ask"]] == ["mistral:7b", "nomic-embed-text:v1.5"]
    assert not server.called("/api/generate")
    assert not path.exists()


def test_looking_only_loads_nothing_and_takes_proofs_for_answers(server, tmp_path):
    memory = {"proof_path": str(tmp_path / "proofs.json"), "max_age": 3600}
    ask(server, ["mistral:7b"], **memory)
    outcome = ask(server, ask=False, on_failure="fail", **memory)
    assert (outcome.failed, outcome["asked"]) == (False, 0)
    assert [model["answered"] for model in outcome["results"][0]["models"]] == [True, False]
    assert [entry["model"] for entry in outcome["to_ask"]] == ["nomic-embed-text:v1.5"]
    assert "does not list llava:7b" in ask(server, ["llava:7b"], ask=False, on_failure="fail").msg


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"servers": [{"name": "a"}]}, "needs a name and an http:// or https:// url"),
        ({"servers": [{"name": "a", "url": "http://x"}, {"name": "a", "url": "http://y"}]}, "a is listed twice"),
        ({"servers": [], "models": ["bad name!"]}, "models entry 1"),
    ],
)
def test_bad_input(args, said):
    outcome = run_module(probe, {"models": [], **args})
    assert outcome.failed
    assert said in outcome.msg
