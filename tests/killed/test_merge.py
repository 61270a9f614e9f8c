# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A merge killed before every single change: readers see nothing unverified, sources stay as they were, and the next
run ends where an undisturbed one does."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import merge as glue
from ansible_collections.corral.ollama.plugins.module_utils.store.reading import model_names, stored_model
from ansible_collections.corral.ollama.plugins.modules import store_merge
from ansible_collections.corral.ollama.tests.killed.killing import WRITES, killed_before
from ansible_collections.corral.ollama.tests.unit.merging import CONFIG, ONE, SHARED, TWO, aged, given, tree
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import digest, files, put, ready_store


def whole_models(paths):
    """What readers see; every model of it has been checked to the last byte."""
    seen = {}
    for name in model_names(paths):
        stored = stored_model(paths, name)
        assert stored.manifest is not None, stored.problem
        for blob in stored.manifest.blobs:
            assert digest(Path(paths.blob(blob.digest)).read_bytes()) == blob.digest, blob
        seen[name.display] = stored.digest
    return seen


def two_sources(paths):
    """Shared blobs, a damaged copy, a conflict, and a model that lacks something."""
    a, b = tree(paths, "a"), tree(paths, "b")
    put(a, "m:1", CONFIG, SHARED, ONE)
    put(b, "m:1", CONFIG, SHARED, TWO)
    put(b, "n:1", CONFIG, ONE)
    put(b, "broken:1", CONFIG, b"bad")
    Path(b.blob(digest(b"bad"))).write_bytes(b"BAD")
    Path(a.blob(digest(ONE))).write_bytes(b"X" + ONE[1:])
    os.chmod(b.blob(digest(TWO)), 0o600)
    aged(a, "m:1", 1000)
    return ["a", "b"]


def a_store_that_was_written_to(paths):
    put(paths, "m:1", CONFIG, SHARED, ONE)
    Path(paths.blob(digest(b"never")) + "-partial").write_bytes(b"p")
    Path(paths.blobs, "README").write_text("mine")
    Path(paths.manifests, "registry.ollama.ai/library/empty/deep").mkdir(parents=True)
    put(tree(paths, "a"), "n:1", CONFIG, SHARED, TWO)
    return ["store", "a"]


def another_file_system(paths):
    put(tree(paths, "far"), "m:1", CONFIG, SHARED, ONE)
    Path(tree(paths, "far").blob(digest(SHARED))).write_bytes(b"X" + SHARED[1:])
    put(tree(paths, "b"), "n:1", CONFIG, SHARED)
    return ["far", "b"]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("scenario", [two_sources, a_store_that_was_written_to, another_file_system])
def test_killed_before_every_change(tmp_path, monkeypatch, scenario):
    # a kill loses nothing that was written, so waiting for the disk would prove nothing here
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    real = glue.inventory

    def inventory(name, where, must_exist=True):
        return replace(real(name, where, must_exist), **({"device": -1} if name == "far" else {}))

    monkeypatch.setattr(glue, "inventory", inventory)
    calm = ready_store(tmp_path / "calm/store")
    names = scenario(calm)
    first = run_module(store_merge, given(calm, *names))
    assert first.changed, first.msg
    models, end = whole_models(calm), files(calm.root)
    number, through = 0, False
    while not through:
        number += 1
        paths = ready_store(tmp_path / f"{number}/store")
        scenario(paths)
        sources = {name: files(tree(paths, name).root) for name in names if name != "store"}
        arguments = given(paths, *names)
        through = killed_before(number, store_merge, arguments, WRITES)
        assert whole_models(paths).items() <= models.items()
        again = run_module(store_merge, arguments)
        assert not again.failed, again.msg
        assert not run_module(store_merge, arguments).changed
        assert _without_notes(files(paths.root)) == _without_notes(end)
        assert os.listdir(paths.tmp) == []
        assert {name: files(tree(paths, name).root) for name in sources} == sources
    assert number > 20


def _without_notes(found):
    """The notes about damaged copies name inodes."""
    return {name: data for name, data in found.items() if name != ".corral/merge.json"}
