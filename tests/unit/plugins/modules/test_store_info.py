# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module store_info: what is to be done for each model, and what cannot be had is said once, for all of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.modules import store_info
from ansible_collections.corral.ollama.tests.unit.fake_ollama import FakeOllama, digest_of, manifest
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer

ONE, TWO = manifest("a", "b"), manifest("a", "b", "c")


@pytest.fixture
def registry() -> Iterator[FakeOllama]:
    with FakeOllama() as fake:
        fake.serve("mistral:7b", TWO)
        fake.serve("llama3.2:3b", manifest("a", "c", "d"))
        yield fake


def put(store: Path, name: str, raw: bytes, *blobs: str) -> None:
    model, tag = name.split(":")
    path = store / "manifests/registry.ollama.ai/library" / model / tag
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    (store / "blobs").mkdir(exist_ok=True)
    for digit in blobs:
        (store / "blobs" / f"sha256-{digit * 64}").write_bytes(b"x" * 100)


def run(store: Path, registry: FakeOllama, *models: Any, check: bool = False, **options: Any) -> Outcome:
    endpoints = {"registry.ollama.ai": registry.url}
    given = {"path": str(store), "models": list(models), "registry_endpoints": endpoints, **options}
    return run_module(store_info, given, check=check)


def only(outcome: Outcome) -> dict[str, Any]:
    assert not outcome.failed, outcome.msg
    assert outcome.changed is False
    (entry,) = outcome["models"]
    return entry


def test_a_store_that_does_not_exist_lacks_everything(tmp_path: Path, registry: FakeOllama) -> None:
    for check in (True, False):
        outcome = run(tmp_path / "no/store", registry, "mistral:7b", "llama3.2:3b", check=check)
        assert outcome["missing"] == ["mistral:7b", "llama3.2:3b"]
        assert [model["bytes_to_fetch"] for model in outcome["models"]] == [300, 300]
        assert outcome["bytes_to_fetch"] == 400
        assert outcome["free_bytes"] > 0
    assert not (tmp_path / "no").exists()


def test_what_is_whole_needs_nothing_and_asks_nobody(tmp_path: Path, registry: FakeOllama) -> None:
    put(tmp_path, "mistral:7b", ONE, "a", "b")
    entry = only(run(tmp_path, registry, "mistral:7b"))
    assert (entry["action"], entry["complete"], entry["digest"]) == ("none", True, digest_of(ONE))
    assert (entry["bytes_total"], entry["target_digest"]) == (200, digest_of(ONE))
    assert registry.calls == []


@pytest.mark.parametrize(
    ("declared", "raw", "blobs", "action", "words", "fetch", "missing"),
    [
        ({}, ONE, "a", "pull", "blobs are missing or have a wrong size: bbbbbbbbbbbb", 200, True),
        ({}, b"{", "", "pull", "its manifest in the store is damaged", 300, True),
        ({}, b"{}", "ab", "pull", "its manifest in the store is damaged", 100, True),
        ({"state": "latest"}, ONE, "ab", "pull", f"the registry now serves {digest_of(TWO)[:12]}", 100, False),
        ({"state": "latest"}, TWO, "abc", "none", "", 0, False),
        ({"state": "latest"}, json.dumps(json.loads(TWO), indent=1).encode(), "abc", "none", "", 0, False),
        ({"digest": digest_of(TWO)}, ONE, "ab", "pull", "is pinned", 100, True),
        ({"digest": "sha256:" + digest_of(ONE)}, ONE, "ab", "none", "", 0, False),
        ({"state": "absent"}, ONE, "a", "remove", "declared absent", 0, False),
        ({"state": "absent"}, b"junk", "", "remove", "declared absent", 0, False),
    ],
)
def test_what_a_model_needs(
    tmp_path: Path,
    registry: FakeOllama,
    declared: dict[str, Any],
    raw: bytes,
    blobs: str,
    action: str,
    words: str,
    fetch: int,
    missing: bool,
) -> None:
    put(tmp_path, "mistral:7b", raw, *blobs)
    outcome = run(tmp_path, registry, {"name": "mistral:7b", **declared})
    entry = only(outcome)
    assert (entry["action"], entry["bytes_to_fetch"]) == (action, fetch)
    assert words in entry["reason"]
    assert bool(entry["reason"]) == (action != "none")
    assert outcome["missing"] == (["mistral:7b"] if missing else [])


def test_a_short_blob_is_not_whole(tmp_path: Path, registry: FakeOllama) -> None:
    put(tmp_path, "mistral:7b", TWO, "a", "b", "c")
    (tmp_path / "blobs" / f"sha256-{'c' * 64}").write_bytes(b"x" * 99)
    assert only(run(tmp_path, registry, "mistral:7b"))["bytes_to_fetch"] == 100


def test_absent_and_not_there_needs_nothing(tmp_path: Path, registry: FakeOllama) -> None:
    assert only(run(tmp_path, registry, {"name": "x:1", "state": "absent"}))["action"] == "none"


def test_compare_latest_shows_updates_without_asking_for_them(tmp_path: Path, registry: FakeOllama) -> None:
    put(tmp_path, "mistral:7b", ONE, "a", "b")
    entry = only(run(tmp_path, registry, "mistral:7b", compare="latest"))
    assert (entry["action"], entry["digest"], entry["target_digest"]) == ("none", digest_of(ONE), digest_of(TWO))
    assert (entry["bytes_to_fetch"], entry["bytes_to_update"]) == (0, 100)


def test_compare_none_asks_nobody(tmp_path: Path, registry: FakeOllama) -> None:
    outcome = run(tmp_path, registry, "mistral:7b", {"name": "llama3.2:3b", "state": "latest"}, compare="none")
    assert outcome["missing"] == ["mistral:7b", "llama3.2:3b"]
    assert registry.calls == []


def test_a_full_disk_is_known_beforehand(tmp_path: Path, registry: FakeOllama) -> None:
    outcome = run(tmp_path, registry, "mistral:7b", reserve_bytes=10**18)
    assert outcome.kind == "no_space"
    assert "mistral:7b need 300 B with 1000.0 PB to be left" in outcome.msg
    assert "Free " in outcome["error"]["remedy"]
    put(tmp_path, "mistral:7b", TWO, "a", "b", "c")
    assert not run(tmp_path, registry, "mistral:7b", reserve_bytes=10**18).failed


def test_a_digest_that_is_no_longer_served(tmp_path: Path, registry: FakeOllama) -> None:
    put(tmp_path, "mistral:7b", ONE, "a", "b")
    outcome = run(tmp_path, registry, {"name": "mistral:7b", "digest": "0" * 64})
    assert outcome.kind == "digest_unavailable"
    for digest in ("0" * 64, digest_of(ONE), digest_of(TWO)):
        assert digest in outcome.msg


@pytest.mark.parametrize(
    ("status", "kind"), [(404, "model_not_found"), (412, "needs_newer_server"), (401, "registry_auth")]
)
def test_all_bad_models_are_one_error(tmp_path: Path, registry: FakeOllama, status: int, kind: str) -> None:
    for name in ("bad", "worse"):
        registry.on("GET", f"/v2/library/{name}/manifests/1", Answer(status))
    outcome = run(tmp_path, registry, "bad:1", "mistral:7b", "worse:1")
    assert outcome.kind == kind
    assert "bad:1" in outcome.msg
    assert "worse:1" in outcome.msg
    assert [problem["model"] for problem in outcome["error"]["problems"]] == ["bad:1", "worse:1"]


def test_different_reasons_have_a_kind_of_their_own(tmp_path: Path, registry: FakeOllama) -> None:
    registry.on("GET", "/v2/library/new/manifests/1", Answer(412))
    outcome = run(tmp_path, registry, "bad:1", "new:1")
    assert outcome.kind == "models_unavailable"
    assert {problem["kind"] for problem in outcome["error"]["problems"]} == {"model_not_found", "needs_newer_server"}


@pytest.mark.parametrize("models", [["a b"], [{"nam": "x"}], ["x", "X:latest"], [{"name": "x", "digest": "1"}], [7]])
def test_bad_input_is_named(tmp_path: Path, registry: FakeOllama, models: list[Any]) -> None:
    outcome = run(tmp_path, registry, *models)
    assert outcome.kind == "bad_input"
    assert "models entry" in outcome.msg


def test_a_registry_that_is_not_there(tmp_path: Path, registry: FakeOllama) -> None:
    endpoints = {"registry.ollama.ai": "http://127.0.0.1:9"}
    outcome = run(tmp_path, registry, "mistral:7b", registry_endpoints=endpoints)
    assert outcome.kind == "registry_unreachable"
    assert "registry.ollama.ai (at http://127.0.0.1:9)" in outcome.msg


def test_what_cannot_be_had_may_be_reported_and_is_no_failure(tmp_path: Path, registry: FakeOllama) -> None:
    put(tmp_path, "llama3.2:3b", manifest("a", "c", "d"), "a", "c", "d")
    pinned = {"name": "mistral:7b", "digest": "0" * 64}
    asked = ("bad:1", pinned, "llama3.2:3b")
    outcome = run(tmp_path, registry, *asked, on_unavailable="report", compare="latest", reserve_bytes=10**18)
    bad, other, whole = outcome["models"]
    assert "no such model or tag" in bad["problem"]
    assert (bad["action"], bad["target_digest"], bad["problem_kind"]) == ("pull", "", "model_not_found")
    assert "0" * 64 in other["problem"]
    assert digest_of(TWO) in other["problem"]
    assert (other["target_digest"], other["bytes_to_update"]) == (digest_of(TWO), 100)  # llama3.2 brought the rest
    assert other["problem_kind"] == "digest_unavailable"
    assert (whole["problem"], whole["problem_kind"], whole["action"]) == ("", "", "none")


def test_a_registry_that_is_away_may_be_reported(tmp_path: Path, registry: FakeOllama) -> None:
    put(tmp_path, "mistral:7b", ONE, "a", "b")
    away = {"registry.ollama.ai": "http://127.0.0.1:9"}
    wanted = {"name": "mistral:7b", "state": "latest"}
    entry = only(run(tmp_path, registry, wanted, registry_endpoints=away, on_unavailable="report"))
    assert (entry["action"], entry["digest"], entry["target_digest"]) == ("none", digest_of(ONE), digest_of(ONE))
    assert "nothing listens at its address" in entry["problem"]


def test_layers_of_both_manifests(tmp_path: Path, registry: FakeOllama) -> None:
    put(tmp_path, "mistral:7b", ONE, "a", "b")
    entry = only(run(tmp_path, registry, "mistral:7b", compare="latest", layers=True))
    assert [layer["digest"][0] for layer in entry["layers"]] == ["a", "b"]
    assert [layer["digest"][0] for layer in entry["target_layers"]] == ["a", "b", "c"]
    assert sum(layer["size"] for layer in entry["layers"]) == entry["bytes_total"]
    assert sorted(entry["layers"][0]) == ["digest", "media_type", "size"]
    assert "layers" not in only(run(tmp_path, registry, "mistral:7b"))
