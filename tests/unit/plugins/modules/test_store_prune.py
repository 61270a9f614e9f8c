# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_prune`` on stores made by hand: what goes, what waits and what stays; and the twelve steps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.quarantine import set_aside
from ansible_collections.corral.ollama.plugins.modules import store_prune
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.pruned import (
    CONFIG,
    NOW,
    ONE,
    PARTIAL,
    SHARED,
    TWO,
    age,
    kinds,
    orphan,
    prune,
    put_partials,
    store_with_a_model,
    update,
)
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, put, put_blob


@pytest.fixture
def paths(tmp_path):
    return store_with_a_model(tmp_path / "store")


def test_a_store_without_rubbish(paths):
    outcome = prune(paths, **NOW, models=["m:1"], undeclared=True)
    assert not outcome.changed
    assert (outcome["candidates"], outcome["bytes_reclaimable"]) == ([], 0)


def test_an_orphan_is_marked_first_and_goes_when_it_is_old_enough(paths, monkeypatch):
    path = orphan(paths)
    check = prune(paths, check=True)
    assert kinds(check, "wait") == ["orphan"]
    assert "for the first time" in check["candidates"][0]["why"]
    assert not os.path.exists(paths.prune_marks)
    check, real, _again, _last = four_runs(store_prune, args(paths))
    assert [step["action"] for step in real["steps"]] == ["mark"]
    assert path.exists()

    age(monkeypatch, 86000)
    assert not prune(paths).changed
    age(monkeypatch, 1000)
    check, real, _again, _last = four_runs(store_prune, args(paths))
    assert check["bytes_reclaimable"] == real["bytes_freed"] == 16384
    assert not path.exists()
    assert not os.path.exists(paths.prune_marks)


def test_a_blob_that_comes_back_into_use_and_falls_out_again_waits_anew(paths, monkeypatch):
    path = orphan(paths)
    prune(paths)
    put(paths, "n:1", CONFIG, ONE)
    assert prune(paths).changed
    Path(paths.manifest(parse_name("n:1"))).unlink()
    age(monkeypatch, 90000)
    assert kinds(prune(paths), "wait") == ["orphan"]
    assert path.exists()


def test_another_file_under_a_marked_name_waits_anew(paths, monkeypatch):
    path = orphan(paths)
    prune(paths)
    path.rename(path.with_name("kept-so-that-its-inode-stays"))
    path.write_bytes(b"new")
    age(monkeypatch, 90000)
    assert "orphan" in kinds(prune(paths), "wait")


@pytest.mark.parametrize(
    "junk",
    [b"", b"{", b"[]", b'{"schema":1,"marks":[]}', b'{"schema":2,"marks":{}}', b'{"schema":1,"marks":{"x":3}}']
    + [b'{"schema":1,"marks":{"blobs/x":{"first_seen":-1,"inode":1,"size":true}}}', b"[" * 100000],
)
def test_marks_that_are_none_are_made_anew(paths, junk):
    orphan(paths)
    Path(paths.prune_marks).write_bytes(junk)
    assert kinds(prune(paths), "wait") == ["orphan"]
    assert b'"first_seen"' in Path(paths.prune_marks).read_bytes()


def test_layers_of_an_updated_model_need_no_mark(paths, monkeypatch):
    update(paths)
    first = prune(paths)
    assert (kinds(first, "wait"), kinds(first, "keep")) == (["orphan"], ["past"])
    assert not prune(paths).changed
    age(monkeypatch, 90000)
    _check, real, _again, _last = four_runs(store_prune, args(paths))
    assert kinds(real) == ["orphan", "past"]
    assert os.listdir(paths.past) == []
    assert Path(paths.blob(digest(TWO))).exists()


def test_layers_of_an_updated_model_stay_until_every_instance_has_moved(paths, monkeypatch):
    old = update(paths)
    age(monkeypatch, 90000)
    outcome = prune(paths, running_digests=[old, "sha256:" + old])
    assert (kinds(outcome, "wait"), kinds(outcome, "keep")) == (["orphan"], ["past"])
    assert "still has a model loaded" in outcome["candidates"][0]["why"]
    assert not outcome.changed
    outcome = prune(paths, unasked=["ollama-server-3"])
    assert "ollama-server-3 could not be asked" in outcome["candidates"][0]["why"]
    for odd in ("f" * 64, "", "../../etc"):
        assert not prune(paths, running_digests=[odd]).changed
    assert prune(paths).changed


def test_undeclared_models_go_only_if_asked_and_their_blobs_later(paths, monkeypatch):
    put(paths, "old:1", CONFIG, SHARED, ONE)
    put(paths, "gone:1", CONFIG, TWO)
    declared = {"models": ["M:1", {"name": "gone:1", "state": "absent"}]}
    assert kinds(prune(paths, **declared), "keep") == ["model", "model"]
    check, real, _again, _last = four_runs(store_prune, args(paths, **declared, undeclared=True))
    assert "Removing gone:1, old:1 affects every instance" in real["warnings"][0]
    assert check["warnings"] == real["warnings"]
    assert real["bytes_waiting"] == 2 * 16384
    assert sorted(os.listdir(os.path.join(paths.manifests, "registry.ollama.ai", "library"))) == ["m"]
    assert {p.name for p in Path(paths.blobs).iterdir()} >= {f"sha256-{digest(data)}" for data in (ONE, TWO)}
    age(monkeypatch, 90000)
    assert kinds(prune(paths, **declared)) == ["orphan", "orphan", "past", "past"]


def test_nothing_declared_and_undeclared_is_refused(paths):
    outcome = run_module(store_prune, args(paths, undeclared=True))
    assert (outcome.failed, outcome.kind) == (True, "bad_input")


def rubbish(paths):
    """One of everything that has no manifest."""
    put_partials(paths.blobs)
    put_partials(paths.staging.blobs)
    put(paths.staging, "x/y:1", b"staged")
    for name in ("sha256-123456789", "COPY42", "README"):
        (Path(paths.blobs) / name).write_bytes(b"x")
    (Path(paths.tmp) / "tmpabc").write_bytes(b"x")
    (Path(paths.blobs) / "sha256-bad").write_bytes(b"damaged")
    set_aside(paths, os.path.join(paths.blobs, "sha256-bad"), kind="wrong_hash", digest="d" * 64)


def test_everything_else_goes_by_age(paths, monkeypatch):
    rubbish(paths)
    left = ["partial", "quarantine", "staged", "staged", "staged", "temp", "temp", "temp"]
    outcome = prune(paths, quarantine_age=86400)
    assert (kinds(outcome), kinds(outcome, "wait"), kinds(outcome, "keep")) == ([], left, ["stray"])
    assert not outcome.changed
    age(monkeypatch, 86500)
    assert not prune(paths, pullers=["ollama-puller"], quarantine_age=90000).changed
    check, real, _again, _last = four_runs(store_prune, args(paths, quarantine_age=86400))
    assert kinds(real) == left
    assert real["bytes_freed"] == check["bytes_reclaimable"] > 0
    assert sorted(p.name for p in Path(paths.blobs).iterdir() if digest(p.read_bytes()) not in p.name) == ["README"]
    assert os.listdir(paths.quarantine) == os.listdir(paths.tmp) == os.listdir(paths.staging.manifests) == []


def test_parts_go_before_their_data(paths, monkeypatch):
    put_partials(paths.blobs)
    gone, real = [], os.unlink
    monkeypatch.setattr(os, "unlink", lambda path: (gone.append(os.path.basename(path)), real(path)))
    prune(paths, partial_age=0)
    assert [name for name in gone if "partial" in name] == [f"{PARTIAL}-10", f"{PARTIAL}-1", f"{PARTIAL}-0", PARTIAL]


def test_what_a_young_staged_manifest_names_stays(paths, monkeypatch):
    put(paths.staging, "x:1", CONFIG, ONE)
    manifest = Path(paths.staging.manifest(parse_name("x:1")))
    age(monkeypatch, 90000)
    os.utime(manifest, (manifest.stat().st_mtime + 80000,) * 2)
    assert kinds(prune(paths), "wait") == ["staged"] * 3


def test_times_in_the_future_do_not_count(paths):
    for path in (orphan(paths), put_blob(paths.staging, ONE)):
        os.utime(path, (4e9, 4e9))
    mark = {"first_seen": 4e9, "inode": os.stat(paths.blob(digest(ONE))).st_ino, "size": len(ONE)}
    marks = {"schema": 1, "marks": {f"blobs/sha256-{digest(ONE)}": mark}}
    Path(paths.prune_marks).write_text(json.dumps(marks))
    outcome = prune(paths)
    assert [row["age"] for row in outcome["candidates"]] == [pytest.approx(0, abs=5)] * 2
    assert b"4000000000" not in Path(paths.prune_marks).read_bytes()
    assert "staged" in kinds(prune(paths, partial_age=0))


def test_what_the_store_still_lacks_stays_in_quarantine(paths):
    blob = Path(put(paths, "n:1", CONFIG, ONE) and paths.blob(digest(ONE)))
    aside = set_aside(paths, str(blob), kind="wrong_hash", digest=digest(ONE))
    outcome = prune(paths, **NOW)
    assert "run the playbook repair first" in outcome["candidates"][0]["why"]
    put_blob(paths, ONE)
    assert kinds(prune(paths, **NOW)) == ["quarantine"]
    assert not os.path.exists(aside)


def test_a_goal_for_free_space_takes_the_oldest_first(paths, monkeypatch):
    old = orphan(paths)
    prune(paths)
    age(monkeypatch, 50000)
    young = orphan(paths, TWO)
    prune(paths)
    age(monkeypatch, 90000)
    free = prune(paths, check=True)["free_bytes"]
    assert not prune(paths, free_goal_bytes=1).changed
    monkeypatch.setattr(store_prune.prepare_prune.__globals__["space"].__globals__["os"], "statvfs", lambda _path: FS)
    assert kinds(prune(paths, free_goal_bytes=1_000_001)) == ["orphan"]
    assert (old.exists(), young.exists()) == (False, True)
    assert free > 0


class FS:
    f_bavail, f_frsize, f_blocks = 1_000_000, 1, 2_000_000


def test_a_file_with_further_links_frees_nothing(paths, tmp_path):
    os.link(orphan(paths), tmp_path / "elsewhere")
    put_blob(paths, TWO)
    os.link(paths.blob(digest(TWO)), paths.staging.blob(digest(TWO)))
    check = prune(paths, check=True, **NOW)
    assert check["bytes_reclaimable"] == 16384
    assert prune(paths, **NOW)["bytes_freed"] == 16384


@pytest.mark.parametrize(("more", "kind"), [({"path": "/nowhere"}, "no_store"), ({"min_age": -1}, "bad_input")])
def test_failures_speak(paths, more, kind):
    outcome = run_module(store_prune, {**args(paths), **more})
    assert (outcome.failed, outcome.kind) == (True, kind)
