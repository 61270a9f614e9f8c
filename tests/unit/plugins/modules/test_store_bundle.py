# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_bundle``: out of one store and into another, predicted, done, and then nothing left to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store import bundles, verifier
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile
from ansible_collections.corral.ollama.plugins.modules import store_bundle, store_model
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.bundled import export
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, manifest_of, put, put_blob

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500


@pytest.fixture
def source(tmp_path):
    paths = staged.ready_store(tmp_path / "source", token="")
    put(paths, "a:1", CONFIG, SHARED, ONE)
    put(paths, "me/b:2", CONFIG, SHARED, TWO)
    return paths


@pytest.fixture
def target(tmp_path):
    return staged.ready_store(tmp_path / "target")


@pytest.fixture
def bundle(tmp_path, source):
    export(source, tmp_path / "b.tar", "a:1", "me/b:2")
    return tmp_path / "b.tar"


def exporting(paths, bundle, **more):
    return {"path": paths.root, "bundle": str(bundle), "state": "exported", **more}


def importing(paths, bundle, **more):
    return args(paths, bundle=str(bundle), state="imported", **more)


def visible(paths):
    return {name: data for name, data in files(paths.root).items() if not name.startswith(".corral/")}


def test_export_create_change(source, tmp_path):
    path = tmp_path / "b.tar"
    check, real, again = four_runs(store_bundle, exporting(source, path, models=["me/b:2"]))[:3]
    assert check["bundle"] == {**real["bundle"], "file_digest": ""}
    assert real["bundle"]["file_digest"] == digest(path.read_bytes())
    assert real["bundle"]["bytes"] == path.stat().st_size
    assert [(row["name"], row["action"]) for row in real["models"]] == [("me/b:2", "export")]
    assert real["models"][0]["digest"] == digest(manifest_of(CONFIG, SHARED, TWO))
    assert (real["blobs_copied"], again["blobs_copied"], again["models"][0]["action"]) == (4, 0, "none")

    check, real = four_runs(store_bundle, exporting(source, path))[:2]
    assert [row["name"] for row in real["models"]] == ["a:1", "me/b:2"]
    assert "something else" in real["steps"][0]["detail"]
    assert real["blobs_copied"] == 6


def test_the_digests_beside_it_belong_to_what_is_wanted(source, bundle):
    beside = Path(f"{bundle}.sha256")
    before = beside.read_bytes()
    for break_it in (beside.unlink, lambda: beside.write_text("x"), lambda: beside.write_text(before.decode()[:30])):
        break_it()
        four_runs(store_bundle, exporting(source, bundle))
        assert beside.read_bytes() == before


def test_an_export_reads_the_store_and_nothing_else(source, tmp_path):
    before = {path: path.stat() for path in Path(source.root).rglob("*")}
    run_module(store_bundle, exporting(source, tmp_path / "b.tar"))
    after = {path: path.stat() for path in Path(source.root).rglob("*")}
    assert {p: (s.st_mtime_ns, s.st_ctime_ns) for p, s in before.items()} == {
        p: (s.st_mtime_ns, s.st_ctime_ns) for p, s in after.items()
    }


def test_import_create_change(target, bundle, source, tmp_path):
    check, real, again = four_runs(store_bundle, importing(target, bundle))[:3]
    assert visible(target) == visible(source)
    assert check["models"] == real["models"]
    assert [(row["action"], row["previous_digest"]) for row in real["models"]] == [("publish", "")] * 2
    assert (check["bytes_copied"], real["bytes_copied"]) == (sum(map(len, (CONFIG, SHARED, ONE, TWO))),) * 2
    assert (real["blobs_copied"], again["blobs_copied"]) == (4, 0)
    assert files(target.staging.root) == {}
    assert real["warnings"] == []

    old = digest(manifest_of(CONFIG, SHARED, ONE))
    put(source, "a:1", CONFIG, TWO)
    export(source, tmp_path / "new.tar", "a:1", "me/b:2")
    check, real = four_runs(store_bundle, importing(target, tmp_path / "new.tar"))[:2]
    assert [row["action"] for row in real["models"]] == ["publish", "none"]
    assert real["models"][0]["previous_digest"] == old
    assert old[:12] in real["models"][0]["reason"]
    assert (real["bytes_copied"], real["blobs_copied"]) == (0, 0)
    assert real["diff"]["before"]["models"]["a:1"] == old


def test_check_mode_needs_no_lease_and_writes_nothing(bundle, tmp_path):
    bare = staged.ready_store(tmp_path / "bare", token="")
    before = files(bare.root)
    assert run_module(store_bundle, importing(bare, bundle, lease_token=""), check=True).changed
    assert files(bare.root) == before
    assert run_module(store_bundle, importing(bare, bundle, lease_token="")).kind == "lease_lost"
    assert visible(bare) == {}


def test_check_mode_where_there_is_no_store_yet(bundle, tmp_path):
    given = {"path": str(tmp_path / "none"), "bundle": str(bundle), "state": "imported", "lease_token": ""}
    outcome = run_module(store_bundle, given, check=True)
    assert outcome.changed
    assert outcome["blobs_copied"] == 4
    assert not (tmp_path / "none").exists()


def test_only_what_the_store_lacks_is_copied_or_hashed(target, bundle, monkeypatch):
    put(target.staging, "a:1", CONFIG, SHARED, ONE)
    run_module(store_model, args(target, name="a:1"))
    read = []
    real = verifier.hash_file
    monkeypatch.setattr(verifier, "hash_file", lambda path, *more: read.append(path) or real(path, *more))
    before = ReceiptFile(target).load()
    outcome = run_module(store_bundle, importing(target, bundle))
    assert (outcome["blobs_copied"], outcome["bytes_copied"]) == (1, len(TWO))
    assert read == [], "a receipt that matches is believed, what was hashed while it was copied is not hashed again"
    after = ReceiptFile(target).load()
    assert after[digest(SHARED)].verified_at == before[digest(SHARED)].verified_at
    assert {one for one in after if after[one].ok} == {digest(data) for data in (CONFIG, SHARED, ONE, TWO)}


def test_a_rotten_blob_of_the_store_is_not_used(target, bundle):
    put_blob(target, SHARED).write_bytes(b"X" + SHARED[1:])
    outcome = run_module(store_bundle, importing(target, bundle))
    assert Path(target.blob(digest(SHARED))).read_bytes() == SHARED
    assert outcome["blobs_copied"] == 4


def test_a_bad_blob_publishes_nothing_at_all(target, bundle):
    raw = bytearray(bundle.read_bytes())
    raw[raw.index(TWO) + 7] ^= 1
    bundle.write_bytes(raw)
    outcome = run_module(store_bundle, importing(target, bundle))
    assert outcome.kind == "digest_mismatch"
    assert digest(TWO) in outcome.msg
    assert visible(target) == {}
    assert not [name for name in files(target.staging.root) if "partial" in name or digest(TWO) in name]
    assert run_module(store_bundle, importing(target, bundle, models=["a:1"])).changed


def test_a_subset_with_pins(target, bundle):
    pin = digest(manifest_of(CONFIG, SHARED, TWO))
    declared = [{"name": "ME/b:2", "digest": pin}, {"name": "other:1", "state": "absent"}]
    four_runs(store_bundle, importing(target, bundle, models=declared))
    assert [name for name in visible(target) if name.startswith("manifests")] == ["manifests/registry.ollama.ai/me/b/2"]
    wrong = [{"name": "a:1", "digest": pin}, "missing:1"]
    outcome = run_module(store_bundle, importing(target, bundle, models=wrong), check=True)
    assert outcome.kind == "models_unavailable"
    assert [problem["kind"] for problem in outcome["error"]["problems"]] == ["digest_mismatch", "not_in_bundle"]
    assert "a:1, me/b:2" in outcome.msg


def test_the_index_has_to_be_the_one_that_was_exported(target, bundle, source, tmp_path):
    other = export(source, tmp_path / "other.tar", "a:1")
    beside = Path(f"{bundle}.sha256")
    right = beside.read_bytes()
    with bundles.open_bundle(str(bundle)) as opened:
        index_digest = opened.index_digest
    beside.write_bytes(Path(f"{tmp_path}/other.tar.sha256").read_bytes())
    for more in ({}, {"index_digest": other.index_digest}):
        outcome = run_module(store_bundle, importing(target, bundle, **more))
        assert outcome.kind == "digest_mismatch"
        assert index_digest in outcome.msg
    assert run_module(store_bundle, importing(target, bundle, index_digest="x")).kind == "bad_digest"
    beside.unlink()
    assert run_module(store_bundle, importing(target, bundle, require_digest=True)).kind == "no_index_digest"
    outcome = run_module(store_bundle, importing(target, bundle), check=True)
    assert ".sha256 is missing" in outcome["warnings"][0]
    beside.write_bytes(right)
    digests = {"index_digest": f"sha256:{index_digest}", "require_digest": True}
    assert visible(target) == {}
    assert run_module(store_bundle, importing(target, bundle, **digests)).changed


def test_progress_is_written(target, bundle, tmp_path):
    run_module(store_bundle, importing(target, bundle, progress_path=str(tmp_path / "progress")))
    assert json.loads((tmp_path / "progress").read_text())["done"] is True
