# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module store_merge on a store that servers wrote to themselves, and on sources of other file systems."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import merge as glue
from ansible_collections.corral.ollama.plugins.module_utils.store import carrying
from ansible_collections.corral.ollama.plugins.modules import store_merge
from ansible_collections.corral.ollama.tests.unit.merging import (
    CONFIG,
    ONE,
    SHARED,
    TWO,
    given,
    healthy,
    inode,
    merge,
    rows,
    tree,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.staged import digest, files, put, put_blob, ready_store


@pytest.fixture
def paths(tmp_path):
    return ready_store(tmp_path / "store")


@pytest.fixture
def far(monkeypatch):
    """Sources seem to lie on another file system."""
    real = glue.inventory

    def inventory(name, where, must_exist=True):
        found = real(name, where, must_exist)
        return replace(found, device=-1) if name != "store" else found

    monkeypatch.setattr(glue, "inventory", inventory)


def untidy(paths):
    """What eight writers leave behind."""
    put(paths, "m:1", CONFIG, SHARED, ONE)
    put(paths, "n:1", CONFIG, TWO)
    part = paths.blob(digest(b"never"))
    Path(part + "-partial").write_bytes(b"p" * 9000)
    Path(part + "-partial-0").write_bytes(b"{}")
    Path(paths.blobs, "sha256-123456").write_bytes(b"t")
    Path(paths.blobs, "README").write_text("mine")
    Path(paths.blobs, "folder").mkdir()
    Path(paths.blobs, "pipe\udcff").symlink_to("/etc/passwd")
    os.mkfifo(Path(paths.manifests, "registry.ollama.ai/library/m/pipe"))
    Path(paths.manifests, "registry.ollama.ai/library/m/1.tmp~").write_text("{}")
    Path(paths.manifests, "registry.ollama.ai/library/gone/1/deep").mkdir(parents=True)
    Path(paths.manifests, "registry.ollama.ai/library/empty").mkdir(parents=True)
    Path(paths.manifests, "note").write_text("x")


def test_a_store_that_was_written_to_is_cleaned_and_keeps_its_models(paths):
    untidy(paths)
    check, real, _again, _unused = four_runs(store_merge, given(paths, "store"))
    assert check["steps"] == real["steps"]
    actions = [(step["action"], step["target"].rpartition("/")[2]) for step in real["steps"]]
    assert sorted(target for action, target in actions if action == "set_aside") == sorted(
        ["1", "1.tmp~", "README", "folder", "note", "pipe", "pipe\\udcff", "sha256-123456"]
    )
    assert [target for action, target in actions if action == "remove_directory"] == ["empty"]
    assert [action for action, _target in actions].count("remove_partial") == 2
    assert healthy(paths) == []
    assert {name: row["action"] for name, row in rows(real).items()} == {
        "m:1": "none",
        "n:1": "none",
        "m:pipe": "lacking",
    }
    assert len(list(Path(paths.quarantine).iterdir())) == 8
    assert real["sources"][0]["in_place"] is True
    assert check["space"] == real["space"]
    assert real["space"]["saved_bytes"] == 12288 + 4096, "the rests of the download"
    assert not Path(paths.manifests, "registry.ollama.ai/library/gone").exists(), "empty by what was set aside from it"


def test_a_damaged_blob_is_replaced_from_another_source_or_reported_and_left(paths):
    put(paths, "m:1", CONFIG, ONE)
    put(paths, "n:1", CONFIG, TWO)
    for data in (ONE, TWO):
        Path(paths.blob(digest(data))).write_bytes(b"X" + data[1:])
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    real = merge(paths, "store", "a")
    assert rows(real)["m:1"]["action"] == "none"
    assert inode(paths, ONE) == inode(tree(paths, "a"), ONE)
    assert list(rows(real, "lacking")) == ["n:1"]
    assert healthy(paths) == [("wrong_hash", f"blobs/sha256-{digest(TWO)}")]
    assert sorted(one["digest"] for one in real["sources"][0]["damaged"]) == sorted([digest(ONE), digest(TWO)])
    again = merge(paths, "store", "a")
    assert (again.changed, list(rows(again, "lacking"))) == (False, ["n:1"])


def test_it_is_not_cleaned_when_it_is_only_the_target(paths):
    untidy(paths)
    put(tree(paths, "a"), "o:1", CONFIG, ONE)
    before = set(files(paths.root))
    merge(paths, "a")
    assert before < set(files(paths.root))


def test_a_download_that_still_runs_is_seen(paths):
    put(paths, "m:1", CONFIG, ONE)
    part = Path(paths.blob(digest(b"never")) + "-partial")
    with part.open("wb"):
        assert f"({os.getpid()})" in merge(paths, "store", check=True)["warnings"][0]
        outcome = run_module(store_merge, given(paths, "store"))
        assert (outcome.kind, part.exists()) == ("writers_running", True)
    with part.open("rb"):
        merge(paths, "store")
    assert not part.exists()


def test_from_another_file_system_it_is_copied_and_hashed_on_the_way(paths, far):
    a, b = tree(paths, "a"), tree(paths, "b")
    for where in (a, b):
        put(where, "m:1", CONFIG, SHARED, ONE)
    Path(a.blob(digest(ONE))).write_bytes(b"X" + ONE[1:])
    Path(a.blob(digest(SHARED))).write_bytes(SHARED[:-1])
    check, real, _again, _unused = four_runs(store_merge, given(paths, "a", "b"))
    assert healthy(paths) == []
    assert os.listdir(paths.tmp) == []
    size = len(CONFIG + SHARED + ONE)
    assert check["space"] == real["space"]
    assert (real["space"]["copied_bytes"], real["space"]["linked_bytes"]) == (size, 0)
    assert inode(paths, ONE) != inode(b, ONE)
    assert os.stat(paths.blob(digest(ONE))).st_mode & 0o777 == 0o644


def test_a_copy_of_the_same_file_system_comes_before_all_others(paths, far, monkeypatch):
    a, b = tree(paths, "a"), tree(paths, "b")
    for where in (a, b):
        put(where, "m:1", CONFIG, ONE)
    seen = glue.inventory
    near = os.stat(paths.root).st_dev
    monkeypatch.setattr(
        glue,
        "inventory",
        lambda name, *a, **k: replace(seen(name, *a, **k), **({"device": near} if name == "b" else {})),
    )
    assert merge(paths, "a", "b")["space"]["copied_bytes"] == 0
    assert inode(paths, ONE) == inode(b, ONE)


def test_where_files_can_be_cloned_nothing_is_copied(paths, far, monkeypatch):
    def clone(source, target):
        os.write(target, os.pread(source, 1 << 20, 0))
        return True

    monkeypatch.setattr(carrying, "_cloned", clone)
    a, b = tree(paths, "a"), tree(paths, "b")
    put(a, "m:1", CONFIG, ONE)
    put_blob(b, CONFIG)
    Path(b.manifests).mkdir()
    Path(a.blob(digest(CONFIG))).write_bytes(b"Xonfig")
    space = merge(paths, "a", "b")["space"]
    assert (space["reflinked_bytes"], space["copied_bytes"]) == (len(CONFIG + ONE), 0)
    assert healthy(paths) == []


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EMLINK, errno.EPERM])
def test_where_a_link_is_refused_after_all_it_is_copied(paths, monkeypatch, number):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)

    def refuse(*_args, **_more):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", refuse)
        real = merge(paths, "a")
    assert (real["space"]["copied_bytes"], real["space"]["linked_bytes"]) == (len(CONFIG + ONE), 0)
    assert healthy(paths) == []


def test_what_cannot_fit_is_refused_before_a_byte_is_written(paths, far, monkeypatch):
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    monkeypatch.setattr(glue, "space", lambda _path: {"free_bytes": 100})
    outcome = run_module(store_merge, given(paths, "a"), check=True)
    assert (outcome.kind, outcome["error"]["copied_bytes"]) == ("no_space", len(CONFIG + ONE))


def test_what_stands_where_a_manifest_belongs_is_set_aside_first(paths):
    Path(paths.manifests, "registry.ollama.ai/library/m/1").mkdir(parents=True)
    Path(paths.manifests, "registry.ollama.ai/library/n").write_text("a file")
    put(tree(paths, "a"), "m:1", CONFIG, ONE)
    put(tree(paths, "a"), "n:1", CONFIG, TWO)
    four_runs(store_merge, given(paths, "store", "a"))
    assert healthy(paths) == []


def test_blobs_with_the_names_of_old_servers_get_their_new_one(paths):
    put(paths, "m:1", CONFIG, ONE)
    os.rename(paths.blob(digest(ONE)), Path(paths.blobs) / f"sha256:{digest(ONE)}")
    _unused, real, _unused2, _unused3 = four_runs(store_merge, given(paths, "store"))
    assert (healthy(paths), real["space"]["saved_bytes"]) == ([], 0)
