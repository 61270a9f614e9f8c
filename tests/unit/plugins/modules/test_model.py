# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module model: each row of the twelve steps, every state, and failures that name what they mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.modules import model
from ansible_collections.corral.ollama.tests.unit.fake_ollama import FakeOllama, digest_of, manifest
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, error, ok, recorded, stream

OLD, NEW = manifest("a", "b"), manifest("a", "b", "c")


@pytest.fixture
def server() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.serve("mistral:7b", NEW)
        yield fake


def args(server: FakeOllama, **options: Any) -> dict[str, Any]:
    quick = {"recheck_delay": 0.001, "backoff": 0.001, "retries": 1, "stall_timeout": 0.5}
    endpoints = {"registry.ollama.ai": server.url}
    return {"url": server.url, "name": "mistral:7b", "registry_endpoints": endpoints, **quick, **options}


def run(server: FakeOllama, check: bool = False, **options: Any) -> Outcome:
    return run_module(model, args(server, **options), check=check)


def test_create(server: FakeOllama) -> None:
    check, real, again, _check = four_runs(model, args(server))
    assert (check["digest"], real["digest"], again["digest_before"]) == ("", digest_of(NEW), digest_of(NEW))
    assert (real["digest_before"], real["bytes_total"], real["bytes_fetched"]) == ("", 300, 300)
    assert real["steps"] == [{"action": "pull", "target": "mistral:7b", "detail": server.url}]
    assert server.pulls == 1


def test_change_to_what_the_registry_serves(server: FakeOllama) -> None:
    server.models["mistral:7b"] = OLD
    check, real, _again, _check = four_runs(model, args(server, state="latest"))
    assert check["digest"] == real["digest"] == digest_of(NEW)
    assert real["digest_before"] == digest_of(OLD)
    assert (real["layers_reused"], real["bytes_fetched"]) == (2, 100)
    assert real["diff"]["after"] == {"model": "mistral:7b", "state": "present", "digest": digest_of(NEW)}
    assert server.pulls == 1


def test_change_to_a_pinned_digest(server: FakeOllama) -> None:
    server.models["mistral:7b"] = OLD
    four_runs(model, args(server, digest=f"sha256:{digest_of(NEW)}"))
    assert server.pulls == 1


def test_change_by_copying_over_it(server: FakeOllama) -> None:
    server.models.update({"assistant:stable": OLD, "mistral:7b": NEW})
    check, real, _again, _check = four_runs(model, args(server, name="assistant:stable", source="mistral" + ":7b"))
    assert check["digest"] == real["digest"] == digest_of(NEW)
    assert server.pulls == 0


def test_delete(server: FakeOllama) -> None:
    server.models["mistral:7b"] = OLD
    _check, real, _again, _check = four_runs(model, args(server, state="absent"))
    assert (real["digest_before"], real["digest"], real["bytes_total"]) == (digest_of(OLD), "", 0)
    assert real["diff"]["after"]["state"] == "absent"


def test_present_leaves_an_older_model_alone_and_asks_no_registry(server: FakeOllama) -> None:
    server.models["mistral:7b"] = OLD
    assert not run(server).changed
    assert {call.path for call in server.calls} == {"/api/tags"}


def test_names_match_in_any_case_and_spelling(server: FakeOllama) -> None:
    server.models["Mistral:7B"] = NEW
    assert not run(server, name="registry.ollama.ai/library/mistral:7b", state="latest").changed


def test_latest_with_the_same_layers_under_another_digest(server: FakeOllama, tmp_path: Path) -> None:
    rewritten = json.dumps(json.loads(NEW), indent=1).encode()
    server.models["mistral:7b"] = rewritten
    path = tmp_path / "manifests/registry.ollama.ai/library/mistral/7b"
    path.parent.mkdir(parents=True)
    path.write_bytes(rewritten)
    assert not run(server, state="latest", store_path=str(tmp_path)).changed
    assert run(server, state="latest", check=True).changed
    path.write_bytes(OLD)
    assert run(server, state="latest", store_path=str(tmp_path), check=True).changed


def test_a_pull_that_leaves_the_digest_is_no_change(server: FakeOllama) -> None:
    server.models["mistral:7b"] = OLD
    server.on("POST", "/api/pull", recorded("pull_uptodate"))
    assert run(server, state="latest", check=True).changed
    outcome = run(server, state="latest")
    assert (outcome.changed, outcome["digest"]) == (False, digest_of(OLD))


def test_one_absence_is_not_believed(server: FakeOllama) -> None:
    listing = ok({"models": [{"name": "mistral:7b", "digest": digest_of(NEW), "size": 300}]})
    for flicker in (ok({"models": []}), error(500, "stat …/x/1: no such file or directory"), error(404, "x")):
        server.on("GET", "/api/tags", flicker, listing)
        assert not run(server).changed


def test_a_damaged_model_that_is_not_listed_is_deleted_too(server: FakeOllama) -> None:
    server.on("POST", "/api/show", error(500, "unexpected EOF"))
    outcome = run(server, state="absent", check=True)
    assert outcome.changed
    assert outcome["diff"]["before"]["state"] == "damaged"


def test_retries_are_in_the_result(server: FakeOllama) -> None:
    server.on("POST", "/api/pull", stream({"status": "pulling manifest"}, cut=True), server._pull)
    outcome = run(server)
    assert [(retry["attempt"], retry["kind"]) for retry in outcome["retries"]] == [(1, "server_gone")]


def test_progress_is_written(server: FakeOllama, tmp_path: Path) -> None:
    path = tmp_path / "progress.json"
    run(server, progress_path=str(path))
    assert json.loads(path.read_text(encoding="utf-8"))["model"] == "mistral:7b"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (recorded("pull_unknown_model"), "model_not_found", "no such model or tag"),
        (stream({"error": "412: requires a newer version of Ollama"}), "needs_newer_server", "newer Ollama"),
        (recorded("pull_no_dns"), "registry_unreachable", "cannot be resolved"),
        (recorded("pull_http_registry_without_insecure"), "registry_tls", "HTTPS was expected"),
        (stream({"status": "pulling x"}, repeat_last=True, line_delay=0.05), "stalled", "no new byte"),
        (recorded("pull_digest_mismatch"), "digest_mismatch", "not what the manifest promises"),
        (recorded("pull_enospc"), "no_space", "disk of the store is full"),
        (recorded("ro_pull_new"), "read_only_store", "mounted read-only"),
        (stream({"status": "pulling manifest"}, cut=True), "server_gone", "the connection broke"),
        (stream({"status": "pulling manifest"}), "pull_incomplete", "ended without success"),
        (recorded("pull_ok"), "not_listed", "does not list it"),
    ],
)
def test_a_failed_pull_says_why(server: FakeOllama, answer: Answer, kind: str, words: str) -> None:
    server.on("POST", "/api/pull", answer)
    outcome = run(server, retries=0)
    assert (outcome.failed, outcome.kind) == (True, kind)
    assert words in outcome.msg
    assert "mistral:7b" in outcome.msg
    assert server.url in outcome.msg


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"digest": "0" * 64}, "digest_unavailable", digest_of(NEW)),
        ({"digest": "0" * 64}, "digest_unavailable", "0" * 64),
        ({"digest": "abc"}, "bad_digest", "not a sha256 digest"),
        ({"name": "a/b/c/d e"}, "bad_name", "is not a model name"),
        ({"name": "nosuch:1", "state": "latest"}, "model_not_found", "no such model or tag"),
        ({"name": "copy:1", "source": "nosuch:1"}, "model_not_found", "has no model nosuch:1"),
        ({"source": "x", "state": "absent"}, "bad_input", "goes with neither"),
        ({"digest": "0" * 64, "state": "latest"}, "bad_input", "contradict"),
        ({"registry_ca_path": "/nowhere.pem"}, "bad_input", "/nowhere.pem cannot be read"),
    ],
)
def test_what_cannot_be_had_is_said_before_anything_is_pulled(
    server: FakeOllama, options: dict[str, Any], kind: str, words: str
) -> None:
    for check in (True, False):
        outcome = run(server, check=check, **options)
        assert (outcome.failed, outcome.kind) == (True, kind)
        assert words in outcome.msg
    assert server.pulls == 0


def test_a_model_that_came_with_another_digest_than_pinned(server: FakeOllama) -> None:
    server.on("POST", "/api/pull", lambda call: server.serve("mistral:7b", OLD) or server._pull(call))
    outcome = run(server, digest=digest_of(NEW))
    assert outcome.kind == "digest_mismatch"
    assert digest_of(OLD) in outcome.msg
    assert digest_of(NEW) in outcome.msg


def test_an_empty_model_is_a_failure(server: FakeOllama) -> None:
    server.serve("mistral:7b", manifest("a", size=0))
    outcome = run(server)
    assert "the model is empty" in outcome.msg


@pytest.mark.parametrize(("recording", "verb"), [("ro_delete", "delete"), ("ro_copy", "copy")])
def test_a_read_only_store_is_named(server: FakeOllama, recording: str, verb: str) -> None:
    server.models.update({"mistral:7b": OLD, "other:1": NEW})
    server.on("DELETE", "/api/delete", recorded(recording)).on("POST", "/api/copy", recorded(recording))
    outcome = run(server, **({"state": "absent"} if verb == "delete" else {"source": "other:1"}))
    assert outcome.kind == "read_only_store"
    assert f"cannot {verb} mistral:7b" in outcome.msg


def test_a_server_that_is_not_there(server: FakeOllama) -> None:
    outcome = run_module(model, {**args(server), "url": "http://127.0.0.1:9"})
    assert outcome.kind == "server_gone"
    assert "http://127.0.0.1:9 cannot be reached" in outcome.msg
