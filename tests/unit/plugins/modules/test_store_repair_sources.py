# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where good copies come from, in which order, and that a source that means harm does none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import downloads, quarantine
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_repair
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.bundled import export
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry, cut_after, endless, status, wrong
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.repair_store import (
    DAMAGE,
    MODELS,
    ONE,
    SHARED,
    TWO,
    blob,
    fill,
    flip,
    given,
    manifest,
    tree_of,
)
from ansible_collections.corral.ollama.tests.unit.staged import digest, put, put_blob

REGISTRY = {"type": "registry"}


@pytest.fixture
def good(tmp_path):
    return fill(ModelTree(str(tmp_path / "good")))


@pytest.fixture
def paths(tmp_path):
    return fill(staged.ready_store(tmp_path / "models"))


@pytest.fixture
def registry(good):
    with FakeRegistry(good) as server:
        yield server


def peer(tree, **more):
    return {"type": "peer", "path": tree.root, **more}


def repaired(outcome):
    return [(row["action"], row["source"], row["bytes_fetched"]) for row in outcome["repaired"]]


def test_a_peer_saves_the_download(paths, good, registry):
    before = tree_of(paths.root)
    flip(blob(paths, SHARED))
    os.truncate(manifest(paths), 0)
    check, real, _unused, _unused2 = four_runs(store_repair, given(paths, registry, sources=[peer(good), REGISTRY]))
    assert repaired(real) == repaired(check) == [("fetch", "peer", 0), ("restore", "peer", 0)]
    assert registry.calls == []
    assert tree_of(paths.root) == before
    assert blob(paths, SHARED).stat().st_nlink == 1, "a copy: what befalls the one must not befall the other"


def test_a_peer_on_the_same_file_system_may_be_linked(paths, good, registry):
    flip(blob(paths, SHARED))
    four_runs(store_repair, given(paths, registry, sources=[peer(good, link=True)]))
    assert os.path.samefile(good.blob(digest(SHARED)), paths.blob(digest(SHARED)))


@pytest.mark.parametrize(
    "harm",
    [
        flip,
        lambda path: os.truncate(path, 1),
        lambda path: os.truncate(path, 1 << 40),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), os.mkfifo(path)),
        lambda path: (path.unlink(), path.symlink_to("/etc/passwd")),
    ],
)
@pytest.mark.parametrize("link", [False, True])
def test_a_peer_that_is_no_better_is_passed_over(paths, good, registry, harm, link):
    before = tree_of(paths.root)
    flip(blob(paths, ONE))
    harm(Path(good.blob(digest(ONE))))
    real = four_runs(store_repair, given(paths, registry, sources=[peer(good, link=link), REGISTRY]))[1]
    assert repaired(real) == [("fetch", "registry", len(ONE))]
    assert tree_of(paths.root) == before


def test_a_peer_that_goes_bad_between_the_look_and_the_copy(paths, good, registry, monkeypatch):
    before = tree_of(paths.root)
    flip(blob(paths, ONE))
    real_enter = downloads.Download.__enter__

    def enter(self):
        flip(Path(good.blob(digest(ONE))))
        monkeypatch.setattr(downloads.Download, "__enter__", real_enter)
        return real_enter(self)

    monkeypatch.setattr(downloads.Download, "__enter__", enter)
    real = run_module(store_repair, given(paths, registry, sources=[peer(good), REGISTRY]))
    assert repaired(real) == [("fetch", "registry", len(ONE))]
    assert tree_of(paths.root) == before


@pytest.mark.parametrize("twist", [wrong, endless, status(404), status(500), cut_after(7)])
@pytest.mark.parametrize("case", ["weights flipped", "weights missing", "link"])
def test_a_registry_that_sends_something_else_harms_nothing(paths, registry, twist, case):
    DAMAGE[case][0](paths)
    before = tree_of(paths.root)
    registry.twist[digest(ONE)] = [twist] * 99
    outcome = run_module(store_repair, given(paths, registry))
    assert outcome.kind == "repair_incomplete"
    assert "a:1" in outcome.msg
    assert outcome["error"]["models_affected"] == ["a:1"]
    assert [row["digest"] for row in outcome["error"]["unrepaired"]] == [digest(ONE)]
    assert tree_of(paths.root) == before, "what is damaged stays where it is"
    assert quarantine.listed(paths) == ()
    assert outcome["error"]["repaired_at"] == 0, "nothing changed, so nobody has to restart"
    registry.twist.clear()
    assert not run_module(store_repair, given(paths, registry)).failed


def test_what_came_before_the_break_is_not_fetched_again(paths, registry):
    flip(blob(paths, SHARED))
    registry.twist[digest(SHARED)] = [cut_after(4000), *[status(500)] * 9]
    assert run_module(store_repair, given(paths, registry)).failed
    registry.twist.clear()
    check, real, _unused, _unused2 = four_runs(store_repair, given(paths, registry))
    assert check["bytes_fetched"] == real["bytes_fetched"] == len(SHARED) - 4000
    assert registry.fetched == len(SHARED)
    assert blob(paths, SHARED).read_bytes() == SHARED


def test_a_rest_with_wrong_bytes_is_found_out_and_fetched_anew(paths, registry):
    flip(blob(paths, SHARED))
    Path(paths.staging.blobs, f"sha256-{digest(SHARED)}.repair").write_bytes(b"x" * 4000)
    assert not run_module(store_repair, given(paths, registry)).failed
    assert blob(paths, SHARED).read_bytes() == SHARED


@pytest.mark.parametrize(
    "plant", [lambda path: path.symlink_to("/etc/passwd"), os.mkfifo, lambda path: os.link(__file__, path)]
)
def test_what_lies_where_a_download_goes_is_not_followed(paths, registry, plant, tmp_path):
    flip(blob(paths, SHARED))
    target = tmp_path / "target"
    target.write_bytes(b"untouched")
    path = Path(paths.staging.blobs, f"sha256-{digest(SHARED)}.repair")
    try:
        plant(path)
    except OSError:
        os.link(target, path)
    assert not run_module(store_repair, given(paths, registry)).failed
    assert blob(paths, SHARED).read_bytes() == SHARED
    assert target.read_bytes() == b"untouched"


def test_a_whole_copy_that_a_pull_left_in_staging(paths, registry):
    blob(paths, ONE).unlink()
    put_blob(paths.staging, ONE)
    real = four_runs(store_repair, given(paths, registry, sources=[]))[1]
    assert repaired(real) == [("fetch", "staging", 0)]


def test_a_bad_copy_in_staging_is_not_taken(paths, registry):
    blob(paths, ONE).unlink()
    flip(put_blob(paths.staging, ONE))
    real = four_runs(store_repair, given(paths, registry))[1]
    assert repaired(real) == [("fetch", "registry", len(ONE))]


def test_one_name_that_the_registry_still_knows_is_enough(paths, registry):
    """The layer is in three models; two of their repositories are gone."""
    flip(blob(paths, TWO))
    registry.forget_blob("library/b", digest(TWO))
    assert repaired(four_runs(store_repair, given(paths, registry))[1]) == [("fetch", "registry", len(TWO))]


def test_a_manifest_comes_from_the_first_source_that_has_it_right(paths, good, registry, tmp_path):
    other = ModelTree(str(tmp_path / "other"))
    put(other, "a:1", b"other config", ONE)
    raw = manifest(paths).read_bytes()
    os.truncate(manifest(paths), 0)
    pinned = [{"name": "a:1", "digest": digest(raw)}]
    real = four_runs(store_repair, given(paths, registry, models=pinned, sources=[peer(other), peer(good)]))[1]
    assert repaired(real) == [("restore", "peer", 0)]
    assert Path(paths.manifest(parse_name("a:1"))).read_bytes() == raw


def test_a_bundle_saves_the_download(paths, good, registry, tmp_path):
    export(good, tmp_path / "models.tar", *MODELS)
    before = tree_of(paths.root)
    flip(blob(paths, SHARED))
    os.truncate(manifest(paths), 0)
    bundle = {"type": "bundle", "path": str(tmp_path / "models.tar")}
    check, real, _unused, _unused2 = four_runs(store_repair, given(paths, registry, sources=[bundle]))
    assert repaired(real) == repaired(check) == [("fetch", "bundle", 0), ("restore", "bundle", 0)]
    assert tree_of(paths.root) == before


def test_a_bundle_with_wrong_bytes_or_without_the_model_is_passed_over(paths, good, registry, tmp_path):
    before = tree_of(paths.root)
    path = tmp_path / "models.tar"
    export(good, path, "a:1", "b:1")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(ONE, b"X" + ONE[1:]))
    flip(blob(paths, ONE))
    os.truncate(manifest(paths, "n/c:1"), 0)
    sources = [{"type": "bundle", "path": str(path)}, REGISTRY]
    real = four_runs(store_repair, given(paths, registry, sources=sources))[1]
    assert repaired(real) == [("fetch", "registry", len(ONE)), ("restore", "registry", 0)]
    assert tree_of(paths.root) == before
