# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module store_merge: which of several contents a name gets, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.modules import store_merge
from ansible_collections.corral.ollama.tests.unit.merging import (
    CONFIG,
    ONE,
    SHARED,
    TWO,
    aged,
    given,
    merge,
    rows,
    tree,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import (
    digest,
    files,
    manifest_of,
    put,
    put_blob,
    put_manifest,
    ready_store,
)


@pytest.fixture
def paths(tmp_path):
    return ready_store(tmp_path / "store")


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
    assert run_module(store_merge, arguments).kind == "store_not_ready"


def test_manifests_of_the_future_are_told(paths):
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    put(tree(paths, "b"), "m:1", CONFIG, TWO)
    aged(tree(paths, "a"), "m:1", 5_000_000_000)
    assert "dated in the future" in merge(paths, "a", "b", check=True)["warnings"][0]
    assert merge(paths, "a", "b", check=True, policy="prefer", prefer="b")["warnings"] == []
