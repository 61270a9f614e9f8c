# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module store_merge: what comes into the store from several trees, and what it costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile, stamp_of
from ansible_collections.corral.ollama.plugins.modules import store_merge
from ansible_collections.corral.ollama.tests.unit.merging import (
    CONFIG,
    ONE,
    SHARED,
    TWO,
    aged,
    given,
    healthy,
    inode,
    merge,
    rows,
    tree,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs
from ansible_collections.corral.ollama.tests.unit.staged import (
    digest,
    files,
    manifest_of,
    put,
    put_manifest,
    ready_store,
)


@pytest.fixture
def paths(tmp_path):
    return ready_store(tmp_path / "store")


def test_two_sources_become_one_store_without_a_second_copy(paths):
    a, b = tree(paths, "a"), tree(paths, "b")
    for where, when in ((a, 2000), (b, 1000)):
        put(where, "m:1", CONFIG, SHARED, ONE)
        aged(where, "m:1", when)
    put(b, "n:1", CONFIG, SHARED, TWO)
    before = files(a.root), files(b.root)
    times = [os.stat(where.blob(digest(SHARED))).st_mtime_ns for where in (a, b)]
    check, real, again, _unused = four_runs(store_merge, given(paths, "a", "b"))

    assert healthy(paths) == []
    assert (files(a.root), files(b.root)) == before
    assert [os.stat(where.blob(digest(SHARED))).st_mtime_ns for where in (a, b)] == times
    assert inode(paths, SHARED) == inode(a, SHARED)
    assert inode(paths, TWO) == inode(b, TWO)
    assert os.listdir(paths.tmp) == []
    for key in ("models", "space", "per_source", "conflicts", "lacking"):
        assert check[key] == real[key], key
    assert (check["verified"], real["verified"], again["verified"]) == (False, True, True)
    assert {name: (row["action"], row["source"]) for name, row in rows(real).items()} == {
        "m:1": ("publish", "a"),
        "n:1": ("publish", "b"),
    }
    assert {row["action"] for row in again["models"]} == {"none"}


def test_what_it_saves(paths):
    a, b = tree(paths, "a"), tree(paths, "b")
    for where in (a, b):
        put(where, "m:1", CONFIG, SHARED, ONE)
    os.link(a.blob(digest(SHARED)), Path(a.root) / "blobs/sha256-5-partial-link")
    Path(a.blob(digest(b"x")) + "-partial-0").write_bytes(b"p" * 5000)
    real = merge(paths, "a", "b")
    one, parts = 4096 + 8192 + 16384 + 4096, 8192
    assert real["space"] == {
        "before_bytes": 2 * one + parts,
        "after_bytes": one,
        "saved_bytes": one + parts,
        "percent": round(100 * (one + parts) / (2 * one + parts), 1),
        "linked_bytes": len(CONFIG + SHARED + ONE),
        "reflinked_bytes": 0,
        "copied_bytes": 0,
    }
    first = real["sources"][0]
    assert (first["models"], first["blobs"], first["bytes"]) == (["m:1"], 3, len(CONFIG + SHARED + ONE))
    assert (first["partials"], first["partial_bytes"], first["unique_bytes"]) == (1, parts, 0)
    assert real["per_source"] == [
        {"name": "a", "before_bytes": one + parts, "after_bytes": 0},
        {"name": "b", "before_bytes": one, "after_bytes": 0},
    ]
    assert healthy(paths) == []


def test_a_damaged_copy_is_skipped_where_there_is_a_good_one(paths):
    a, b = tree(paths, "a"), tree(paths, "b")
    for where in (a, b):
        put(where, "m:1", CONFIG, SHARED, ONE)
    Path(a.blob(digest(ONE))).write_bytes(b"X" + ONE[1:])
    Path(b.blob(digest(SHARED))).write_bytes(SHARED[:-1])
    _unused, real, again, again_check = four_runs(store_merge, given(paths, "a", "b"))
    assert healthy(paths) == []
    assert (inode(paths, ONE), inode(paths, SHARED)) == (inode(b, ONE), inode(a, SHARED))
    assert [one["digest"] for one in real["sources"][0]["damaged"]] == [digest(ONE)]
    assert [one["problem"] for one in real["sources"][1]["damaged"]] == ["it has 5999 bytes, not 6000"]
    assert again["sources"][0]["damaged"] == again_check["sources"][0]["damaged"] == real["sources"][0]["damaged"]


def test_what_no_source_has_whole_is_lacking_and_the_rest_is_merged(paths):
    a, b = tree(paths, "a"), tree(paths, "b")
    for where in (a, b):
        put(where, "m:1", CONFIG, ONE)
        Path(where.blob(digest(ONE))).write_bytes(b"X" + ONE[1:])
    put(a, "n:1", CONFIG, TWO)
    Path(a.blob(digest(TWO))).unlink()
    put_manifest(a, "empty:1", b"")
    put(b, "good:1", CONFIG, SHARED)
    real = merge(paths, "a", "b")
    assert [path for kind, path in healthy(paths) if kind != "orphan"] == []
    lacking = rows(real, "lacking")
    assert sorted(lacking) == ["empty:1", "m:1", "n:1"]
    assert lacking["n:1"]["blobs"] == [{"digest": digest(TWO), "size": len(TWO), "reason": "is in no source"}]
    bad = digest(b"X" + ONE[1:])[:12]
    assert lacking["m:1"]["reason"] == f"{digest(ONE)[:12]} in a it hashes to {bad}; in b it hashes to {bad}"
    assert lacking["m:1"]["sources"] == ["a", "b"]
    assert "The manifest is empty." in lacking["empty:1"]["reason"]
    assert rows(real)["good:1"]["action"] == "publish"
    assert not merge(paths, "a", "b").changed
    assert not merge(paths, "a", "b", check=True).changed, "a damaged copy that was met is known the next time"


def test_of_a_declared_model_that_lacks_something_the_rest_spares_the_pull(paths):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    put(a, "n:1", CONFIG + b"n", TWO)
    Path(a.blob(digest(CONFIG))).unlink()
    Path(a.blob(digest(CONFIG + b"n"))).unlink()
    real = merge(paths, "a", models=["m:1"], undeclared=True)
    assert [row["declared"] for row in real["lacking"]] == [True, False]
    assert os.listdir(paths.blobs) == [f"sha256-{digest(ONE)}"]


def test_receipts_are_written_and_believed(paths):
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    merge(paths, "a")
    receipts = ReceiptFile(paths).load()
    assert receipts[digest(ONE)].matches(stamp_of(paths.blob(digest(ONE))))
    put_manifest(tree(paths, "a"), "n:1", manifest_of(CONFIG, ONE))
    assert [step["action"] for step in merge(paths, "a", check=True)["steps"]] == ["publish"]
    (Path(paths.private) / "receipts.jsonl").unlink()
    check = merge(paths, "a", check=True)
    assert [step["action"] for step in check["steps"]] == ["verify_blobs", "publish"]


def test_a_rotten_blob_in_the_store_is_replaced_and_kept_aside(paths):
    put(paths, "m:1", CONFIG, ONE)
    Path(paths.blob(digest(ONE))).write_bytes(b"X" + ONE[1:])
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    real = merge(paths, "a")
    assert real.changed
    assert healthy(paths) == []
    (aside,) = Path(paths.quarantine).rglob("file")
    assert aside.read_bytes() == b"X" + ONE[1:]


def test_only_an_unreadable_blob_gets_another_mode(paths):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    os.chmod(a.blob(digest(ONE)), 0o600)
    os.chmod(a.blob(digest(CONFIG)), 0o664)
    merge(paths, "a")
    assert [os.stat(paths.blob(digest(data))).st_mode & 0o777 for data in (ONE, CONFIG)] == [0o644, 0o664]


def test_blobs_with_the_names_of_old_servers_are_found(paths):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    os.rename(a.blob(digest(ONE)), Path(a.blobs) / f"sha256:{digest(ONE)}")
    merge(paths, "a")
    assert healthy(paths) == []
