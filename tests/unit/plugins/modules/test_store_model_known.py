# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_model`` back to a version that was published before: whole and hashed, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.modules import store_model
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, put

MODEL = "mistral:7b"
CONFIG, ONE, TWO = b"config", b"one" * 500, b"two" * 500


@pytest.fixture
def moved(tmp_path):
    """A store whose model was published twice; (paths, the first digest, the second)."""
    paths = staged.ready_store(tmp_path / "models")
    first, second = (publish(paths, ONE), publish(paths, TWO))
    return paths, first, second


def publish(paths, weights):
    found = put(paths.staging, MODEL, CONFIG, weights)
    assert run_module(store_model, args(paths, name=MODEL)).changed
    return found


def back(paths, to, **more):
    return args(paths, models=[{"name": MODEL, "digest": to}], source="known", **more)


def manifest(paths):
    return digest((Path(paths.manifests) / "registry.ollama.ai/library/mistral/7b").read_bytes())


def test_back_and_forth(moved):
    paths, first, second = moved
    check, real, _again, _check = four_runs(store_model, back(paths, first))
    (row,) = real["models"]
    assert check["models"][0]["digest"] == row["digest"] == manifest(paths) == first
    assert (row["previous_digest"], row["action"], row["layers_reused"]) == (second, "publish", 2)
    four_runs(store_model, back(paths, second))
    assert manifest(paths) == second


def test_one_that_was_removed_comes_back(moved):
    paths, _first, second = moved
    run_module(store_model, args(paths, name=MODEL, state="absent"))
    assert run_module(store_model, back(paths, second))["models"][0]["previous_digest"] == ""
    assert manifest(paths) == second


def test_what_was_never_published_here(moved):
    paths, _first, second = moved
    before = files(paths.root)
    outcome = run_module(store_model, back(paths, "f" * 64))
    assert outcome.kind == "not_known"
    assert f"{MODEL} cannot go back to {'f' * 64}: there is no copy of its manifest" in outcome.msg
    assert (files(paths.root), manifest(paths)) == (before, second)


def test_what_prune_has_taken(moved):
    paths, first, second = moved
    Path(paths.blob(digest(ONE))).unlink()
    outcome = run_module(store_model, back(paths, first))
    assert outcome.kind == "not_known"
    assert "1 of its blobs are not in the store any more" in outcome.msg
    assert manifest(paths) == second


def test_what_has_gone_bad_meanwhile_is_not_published(moved):
    paths, first, second = moved
    Path(paths.blob(digest(ONE))).write_bytes(b"eno" * 500)
    outcome = run_module(store_model, back(paths, first))
    assert outcome.kind == "digest_mismatch"
    assert digest(ONE) in outcome.msg
    assert manifest(paths) == second


def test_a_receipt_that_speaks_for_a_blob_is_believed(moved, monkeypatch):
    paths, first, _second = moved
    from ansible_collections.corral.ollama.plugins.module_utils.store import verifier

    monkeypatch.setattr(verifier, "hash_file", lambda *_args: pytest.fail("it was read again"))
    assert run_module(store_model, back(paths, first)).changed


def test_without_a_digest_or_the_lease(moved):
    paths, first, second = moved
    outcome = run_module(store_model, args(paths, name=MODEL, source="known"))
    assert (outcome.kind, "has no digest" in outcome.msg) == ("bad_input", True)
    assert run_module(store_model, {**back(paths, first), "lease_token": "other"}).kind == "lease_lost"
    assert manifest(paths) == second
