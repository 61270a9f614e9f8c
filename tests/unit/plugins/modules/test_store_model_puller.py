# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_model`` through a puller: what is fetched, reused, refused, tried again and left for the next run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.verifier import Verifier
from ansible_collections.corral.ollama.plugins.modules import store_model
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_puller import FakePuller
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import stream
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, put, put_blob

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500
NAME = "mistral:7b"


@pytest.fixture
def paths(tmp_path):
    return staged.ready_store(tmp_path / "models")


@pytest.fixture
def puller(paths):
    with FakePuller(paths.staging) as server:
        yield server


def given(paths, puller, **more):
    endpoints = {"registry.ollama.ai": puller.url}
    pull = {"retries": 1, "backoff": 0.01, "stall_timeout": 5.0}
    return args(
        paths, source="puller", puller_url=puller.url, registry_endpoints=endpoints, **{**pull, "name": NAME, **more}
    )


def manifests(paths):
    return sorted(name for name in files(paths.root) if name.startswith("manifests"))


def test_create_change_delete(paths, puller):
    first = puller.serve(NAME, CONFIG, SHARED, ONE)
    check, real, again = four_runs(store_model, given(paths, puller))[:3]
    (row,) = real["models"]
    assert (row["action"], row["digest"], row["previous_digest"]) == ("pull", first, "")
    assert row["bytes_total"] == row["bytes_fetched"] == len(CONFIG + SHARED + ONE)
    assert (row["layers_fetched"], row["layers_reused"], row["retries"]) == (3, 0, [])
    assert check["models"][0]["digest"] == again["models"][0]["digest"] == first
    assert puller.pulls == [NAME]
    assert files(paths.staging.root) == {}

    second = puller.serve(NAME, CONFIG, SHARED, TWO)
    assert not run_module(store_model, given(paths, puller)).changed
    latest = given(paths, puller, name=None, models=[{"name": NAME, "state": "latest"}])
    check, real = four_runs(store_model, latest)[:2]
    (row,) = real["models"]
    assert (row["digest"], row["previous_digest"]) == (second, first)
    assert (row["layers_fetched"], row["layers_reused"], row["bytes_fetched"]) == (1, 2, len(TWO))
    assert puller.fetched == [digest(data) for data in (SHARED, ONE, CONFIG, TWO)]
    assert check["diff"]["after"] == {"models": {NAME: second}, "staged": []}

    four_runs(store_model, given(paths, puller, state="absent"))
    assert manifests(paths) == []
    assert puller.pulls == [NAME, NAME]


def test_what_the_store_has_is_linked_in_only_if_it_hashes_right(paths, puller):
    put(paths, "other:1", CONFIG, SHARED)
    put_blob(paths, ONE).write_bytes(b"X" + ONE[1:])
    puller.serve(NAME, CONFIG, SHARED, ONE)
    assert run_module(store_model, given(paths, puller)).changed
    assert puller.fetched == [digest(ONE)]
    assert Path(paths.blob(digest(ONE))).read_bytes() == ONE


def test_no_blob_is_read_twice(paths, puller, monkeypatch):
    put(paths, "other:1", CONFIG, SHARED)
    puller.serve(NAME, CONFIG, SHARED, ONE)
    puller.serve("second:1", CONFIG, SHARED, TWO)
    read = []
    real = Verifier._hash
    monkeypatch.setattr(Verifier, "_hash", lambda self, path: (read.append(path[-8:]), real(self, path))[1])
    assert run_module(store_model, given(paths, puller, name=None, models=[NAME, "second:1"])).changed
    assert sorted(read) == sorted(digest(data)[-8:] for data in (CONFIG, SHARED, ONE, TWO))


def test_wrong_bytes_that_the_puller_did_not_notice_are_pulled_once_more(paths, puller):
    puller.serve(NAME, CONFIG, ONE)
    puller.wrong[digest(ONE)] = [b"X" + ONE[1:]]
    outcome = run_module(store_model, given(paths, puller))
    (row,) = outcome["models"]
    assert [retry["kind"] for retry in row["retries"]] == ["digest_mismatch"]
    assert digest(ONE) in row["retries"][0]["message"]
    assert Path(paths.blob(digest(ONE))).read_bytes() == ONE
    assert puller.pulls == [NAME, NAME]


def test_wrong_bytes_again_and_again_are_an_error(paths, puller):
    puller.serve(NAME, CONFIG, ONE)
    puller.wrong[digest(ONE)] = [b"X" + ONE[1:]] * 9
    outcome = run_module(store_model, given(paths, puller))
    assert outcome.kind == "digest_mismatch"
    assert outcome["error"]["digest"] == digest(ONE)
    assert outcome["error"]["model"] == NAME
    assert len(outcome["error"]["retries"]) == 2
    assert manifests(paths) == []
    assert f"blobs/sha256-{digest(ONE)}" not in files(paths.staging.root)
    assert puller.pulls == [NAME, NAME]


def test_a_rotten_blob_from_an_interrupted_pull_is_not_believed(paths, puller):
    puller.serve(NAME, CONFIG, ONE)
    put_blob(paths.staging, ONE).write_bytes(b"X" + ONE[1:])
    assert run_module(store_model, given(paths, puller)).changed
    assert Path(paths.blob(digest(ONE))).read_bytes() == ONE


def test_a_pinned_digest(paths, puller):
    found = puller.serve(NAME, CONFIG, ONE)
    pin = {"name": None, "models": [{"name": NAME, "digest": "a" * 64}]}
    for check in (True, False):
        outcome = run_module(store_model, given(paths, puller, **pin), check=check)
        assert outcome.kind == "digest_unavailable"
        assert found in outcome.msg
    outcome = run_module(store_model, given(paths, puller, **pin, registry_lookup=False))
    assert outcome.kind == "digest_mismatch"
    assert (outcome["error"]["expected"], outcome["error"]["found"]) == ("a" * 64, found)
    assert manifests(paths) == []
    assert not [name for name in files(paths.staging.root) if name.startswith("manifests")]
    good = {"name": None, "models": [{"name": NAME, "digest": "sha256:" + found}]}
    four_runs(store_model, given(paths, puller, **good))


def test_unknown_models_are_refused_together_before_anything_is_pulled(paths, puller):
    puller.serve(NAME, CONFIG, ONE)
    outcome = run_module(store_model, given(paths, puller, name=None, models=[NAME, "no:1", "nor:2"]), check=True)
    assert outcome.kind == "model_not_found"
    assert "no:1" in outcome.msg
    assert "nor:2" in outcome.msg
    assert puller.pulls == []


def test_a_registry_that_only_the_puller_reaches(paths, puller):
    puller.serve(NAME, CONFIG, ONE, registry=False)
    more = {"registry_endpoints": {"registry.ollama.ai": "http://127.0.0.1:9"}}
    outcome = run_module(store_model, {**given(paths, puller), **more})
    assert outcome.changed
    assert "may be pulled again" in outcome.result["warnings"][0]
    latest = {**given(paths, puller), **more, "name": None, "models": [{"name": NAME, "state": "latest"}]}
    assert run_module(store_model, latest).kind == "registry_unreachable"


def test_an_error_of_the_pull_keeps_what_can_be_resumed(paths, puller):
    puller.serve(NAME, CONFIG, ONE)
    partial = Path(paths.staging.blob(digest(ONE)) + "-partial")
    partial.write_bytes(b"half")
    Path(f"{partial}-0").write_text(json.dumps({"N": 0, "Offset": 0, "Size": 9, "Completed": 4}))
    puller.on("POST", "/api/pull", stream({"status": "pulling manifest"}, {"error": "max retries exceeded: EOF"}))
    outcome = run_module(store_model, given(paths, puller))
    assert outcome.failed
    assert outcome["error"]["model"] == NAME
    assert outcome["error"]["not_done"] == [NAME]
    assert partial.exists()
    assert Path(f"{partial}-0").exists()
    assert manifests(paths) == []


STUCK = [
    {"-partial": "x", "-partial-1": '{"N":1}'},
    {"-partial": "x", "-partial-0": "", "-partial-1": '{"N":1}'},
    {"-partial": "x", "-partial-0": '{"N":0}', "-partial-2": '{"N":2}'},
    {"-partial": "x", "-partial-0": '{"N":'},
    {"-partial-0": '{"N":0}'},
]


@pytest.mark.parametrize("parts", STUCK)
def test_parts_that_would_block_every_pull_are_removed_before_it(paths, puller, parts):
    puller.serve(NAME, CONFIG, ONE)
    stuck = paths.staging.blob("b" * 64)
    for ending, text in parts.items():
        Path(stuck + ending).write_text(text)
    fine = Path(paths.staging.blob("c" * 64) + "-partial")
    fine.write_text("x")
    Path(f"{fine}-0").write_text('{"N":0}')
    assert run_module(store_model, given(paths, puller)).changed
    left = sorted(os.listdir(paths.staging.blobs))
    assert left == [f"sha256-{'c' * 64}-partial", f"sha256-{'c' * 64}-partial-0"]


def test_a_lease_that_is_lost_ends_the_pull(paths, puller):
    puller.serve(NAME, CONFIG, ONE)

    def steal(call):
        os.unlink(paths.lease)
        return puller._pull(call)

    puller.on("POST", "/api/pull", steal)
    outcome = run_module(store_model, given(paths, puller))
    assert outcome.kind == "lease_lost"
    assert manifests(paths) == []


def test_success_without_a_model_is_no_success(paths, puller):
    puller.on("POST", "/api/pull", stream({"status": "success"}))
    outcome = run_module(store_model, given(paths, puller, registry_lookup=False))
    assert outcome.kind == "not_staged"
    assert "OLLAMA_MODELS" in outcome.msg


def test_progress_is_told(paths, puller, tmp_path):
    puller.serve(NAME, CONFIG, ONE)
    run_module(store_model, given(paths, puller, progress_path=str(tmp_path / "progress")))
    told = json.loads((tmp_path / "progress").read_text())
    assert (told["model"], told["phase"], told["done"]) == (NAME, "done", True)


def test_a_puller_that_is_gone(paths, puller):
    puller.serve(NAME, CONFIG, ONE)
    outcome = run_module(store_model, {**given(paths, puller), "puller_url": "http://127.0.0.1:9", "retries": 0})
    assert outcome.kind == "server_gone"


def test_a_puller_needs_an_address(paths):
    outcome = run_module(store_model, args(paths, name=NAME, source="puller"))
    assert "puller_url" in outcome.msg
