# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module store_merge: what comes into the store from several trees, what it costs, and what is said about it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile, stamp_of
from ansible_collections.corral.ollama.plugins.modules import digest_check, store_merge
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.staged import (
    args,
    digest,
    files,
    manifest_of,
    put,
    put_blob,
    put_manifest,
    ready_store,
)

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 5000, b"two" * 5000


@pytest.fixture
def paths(tmp_path):
    return ready_store(tmp_path / "store")


def tree(paths, name):
    return ModelTree(str(Path(paths.root).parent / name))


def given(paths, *names, **more):
    return args(paths, sources=[{"name": name, "path": tree(paths, name).root} for name in names], **more)


def merge(paths, *names, check=False, **more):
    outcome = run_module(store_merge, given(paths, *names, **more), check=check)
    assert not outcome.failed, outcome.msg
    return outcome


def aged(where, name, seconds):
    os.utime(where.manifest(parse_name(name)), (seconds, seconds))


def healthy(paths):
    check = run_module(digest_check, {"path": paths.root, "on_damage": "report"})
    return [(found["kind"], found["path"]) for found in check["findings"]]


def inode(where, data):
    return os.stat(where.blob(digest(data))).st_ino


def rows(outcome, key="models"):
    return {row["name"]: row for row in outcome[key]}


def test_two_sources_become_one_store_without_a_second_copy(paths):
    a, b = tree(paths, "a"), tree(paths, "b")
    for where, when in ((a, 2000), (b, 1000)):
        put(where, "m:1", CONFIG, SHARED, ONE)
        aged(where, "m:1", when)
    put(b, "n:1", CONFIG, SHARED, TWO)
    before = files(a.root), files(b.root)
    times = [os.stat(where.blob(digest(SHARED))).st_mtime_ns for where in (a, b)]
    check, real, again, _ = four_runs(store_merge, given(paths, "a", "b"))

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
    _, real, again, again_check = four_runs(store_merge, given(paths, "a", "b"))
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


@pytest.mark.parametrize(
    ("more", "winner"),
    [
        ({}, "b"),
        ({"policy": "prefer", "prefer": "a"}, "a"),
        ({"policy": "prefer", "prefer": "store"}, "store"),
        ({"models": [{"name": "m:1", "digest": digest(manifest_of(CONFIG, ONE))}]}, "a"),
    ],
)
def test_a_conflict_is_decided_by_the_policy(paths, more, winner):
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    put(tree(paths, "b"), "M:1", CONFIG, TWO)
    put(paths, "m:1", CONFIG, SHARED)
    for where, name, when in ((paths, "m:1", 1000), (tree(paths, "a"), "m:1", 2000), (tree(paths, "b"), "M:1", 3000)):
        aged(where, name, when)
    check, real = merge(paths, "a", "b", check=True, **more), merge(paths, "a", "b", **more)
    content = {"a": ONE, "b": TWO, "store": SHARED}[winner]
    (row,) = real["models"]
    assert (row["source"], row["digest"]) == (winner, digest(manifest_of(CONFIG, content)))
    assert (check["models"], check["conflicts"]) == (real["models"], real["conflicts"])
    published = Path(paths.manifest(parse_name("m:1")))
    assert published.read_bytes() == manifest_of(CONFIG, content)
    assert published.stat().st_mtime == {"a": 2000, "b": 3000, "store": 1000}[winner]
    assert len(list(Path(paths.manifests).rglob("1"))) == 1, "a name is the same in any case"
    again = merge(paths, "a", "b", **more)
    assert not again.changed
    if "models" not in more:
        assert real["conflicts"][0]["chosen"]["source"] == winner
        assert len(again["conflicts"][0]["candidates"]) == 3
    else:
        assert real["conflicts"] == []


def test_all_conflicts_in_one_refusal(paths):
    for name in ("m:1", "n:1"):
        put(tree(paths, "a"), name, CONFIG, ONE)
        put(tree(paths, "b"), name, CONFIG, TWO)
    put(tree(paths, "b"), "same:1", CONFIG, TWO)
    outcome = run_module(store_merge, given(paths, "a", "b", policy="fail"))
    assert outcome.kind == "conflict"
    assert [row["name"] for row in outcome["error"]["conflicts"]] == ["m:1", "n:1"]
    assert f"{digest(manifest_of(CONFIG, ONE))[:12]} in a" in outcome.msg
    assert os.listdir(paths.blobs) == []
    pins = [{"name": name, "digest": digest(manifest_of(CONFIG, TWO))} for name in ("m:1", "n:1")]
    assert rows(merge(paths, "a", "b", policy="fail", models=pins, undeclared=True)).keys() == {"m:1", "n:1", "same:1"}


def test_the_same_content_in_other_json_is_no_conflict(paths):
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    put(tree(paths, "b"), "m:1", CONFIG, ONE)
    put_manifest(tree(paths, "b"), "m:1", manifest_of(CONFIG, ONE) + b"\n")
    real = merge(paths, "a", "b", policy="fail")
    assert real["conflicts"] == []
    assert not merge(paths, "b", policy="fail").changed


def test_a_first_choice_that_is_not_whole_gives_way(paths):
    a, b = tree(paths, "a"), tree(paths, "b")
    put(a, "m:1", CONFIG, ONE)
    put(b, "m:1", CONFIG, TWO)
    aged(a, "m:1", 1000)
    Path(b.blob(digest(TWO))).write_bytes(b"X" + TWO[1:])
    real = merge(paths, "a", "b")
    (row,) = real["models"]
    assert (row["source"], row["action"]) == ("a", "publish")
    assert row["reason"] == f"{digest(manifest_of(CONFIG, TWO))[:12]} would come first, and is not whole"
    assert real["conflicts"][0]["reason"] == row["reason"]
    assert not merge(paths, "a", "b").changed


def test_only_what_is_declared_unless_more_is_wanted(paths):
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    put(tree(paths, "a"), "n:1", CONFIG, TWO)
    pinned = {"name": "n:1", "digest": "a" * 64}
    real = merge(paths, "a", models=["m:1", "gone:1", pinned, {"name": "old:1", "state": "absent"}])
    assert {name: row["action"] for name, row in rows(real).items()} == {
        "m:1": "publish",
        "gone:1": "lacking",
        "n:1": "lacking",
    }
    assert rows(real)["gone:1"]["reason"] == "no source has it"
    assert rows(real)["n:1"]["reason"].startswith("it is pinned to aaaaaaaaaaaa, and there is ")
    assert rows(merge(paths, "a", models=["m:1"], undeclared=True))["n:1"]["action"] == "publish"


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


def test_sources_that_were_never_pulled_to(paths):
    Path(tree(paths, "a").blobs).mkdir(parents=True)
    Path(tree(paths, "b").root).mkdir()
    put_blob(tree(paths, "a"), ONE)
    assert not merge(paths, "a", "b").changed


@pytest.mark.parametrize(
    ("wrong", "kind", "text"),
    [
        (lambda g, p: g.update(sources=[{"name": "a", "path": p.root + "/none"}]), "source_missing", "does not exist"),
        (lambda g, _p: g["sources"].append(dict(g["sources"][0], name="c")), "bad_input", "are one directory"),
        (lambda g, _p: g["sources"][1].update(name="a"), "bad_input", "cannot be named 'a'"),
        (lambda g, _p: g["sources"][1].update(name="store"), "bad_input", "cannot be named 'store'"),
        (lambda g, _p: g["sources"][1].update(path="/a/../b"), "bad_input", "cannot be a store"),
        (lambda g, _p: g.update(policy="prefer", prefer="c"), "bad_input", "which is no source"),
        (lambda g, _p: g.update(hash_threads=-1), "bad_input", "hash_threads is -1"),
        (lambda g, _p: g.update(lease_token="another"), "lease_lost", ""),
        (lambda g, _p: g.update(models=["a b"]), "bad_input", "is not a model name"),
    ],
)
def test_what_it_refuses(paths, wrong, kind, text):
    for name, data in (("a", ONE), ("b", TWO)):
        put(tree(paths, name), "m:1", CONFIG, data)
    arguments = given(paths, "a", "b")
    wrong(arguments, paths)
    outcome = run_module(store_merge, arguments)
    assert (outcome.kind, text in outcome.msg) == (kind, True), outcome.msg
    assert files(paths.blobs) == {}


def test_a_store_that_is_not_made_yet_can_be_planned_for(tmp_path):
    paths = ready_store(tmp_path / "other")
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    arguments = {**given(paths, "a"), "path": str(tmp_path / "new/store")}
    check = run_module(store_merge, arguments, check=True)
    assert (check.changed, check["space"]["linked_bytes"]) == (True, len(CONFIG + ONE))
    assert run_module(store_merge, arguments).kind == "lease_lost"


def test_manifests_of_the_future_are_told(paths):
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    put(tree(paths, "b"), "m:1", CONFIG, TWO)
    aged(tree(paths, "a"), "m:1", 5_000_000_000)
    assert "dated in the future" in merge(paths, "a", "b", check=True)["warnings"][0]
    assert merge(paths, "a", "b", check=True, policy="prefer", prefer="b")["warnings"] == []
