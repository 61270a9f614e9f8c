# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed before every single change, in the middle of blobs included: an import shows each model whole or not at all,
an export leaves the old file or the new one, and the next run of either ends where an undisturbed one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import bundle_writing, bundles, reading
from ansible_collections.corral.ollama.plugins.modules import store_bundle
from ansible_collections.corral.ollama.tests.killed.killing import WRITES, killed_before
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.bundled import export
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, put, put_blob

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500


@pytest.fixture(autouse=True)
def in_small_pieces(monkeypatch):
    # a kill loses nothing that was written, so waiting for the disk would prove nothing here
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    monkeypatch.setattr(bundles, "PIECE", 4096)
    monkeypatch.setattr(bundle_writing, "PIECE", 4096)


def seen(paths, name):
    """What a reader would make of a model: its digest when every blob is whole, "" when it is not listed."""
    stored = reading.stored_model(paths, parse_name(name))
    if stored is None:
        return ""
    assert stored.manifest is not None, stored.problem
    for blob in stored.manifest.blobs:
        assert digest(Path(paths.blob(blob.digest)).read_bytes()) == blob.digest, blob
    return stored.digest


def into_an_empty_store(_paths):
    pass


def over_another_tag(paths):
    put(paths, "a:1", CONFIG, TWO)


def over_damage_and_an_unfinished_pull(paths):
    put_blob(paths, SHARED).write_bytes(b"X" + SHARED[1:])
    for suffix in ("", "-0", "-1"):
        Path(f"{paths.staging.blob(digest(ONE))}-partial{suffix}").write_bytes(b"half")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("before", [into_an_empty_store, over_another_tag, over_damage_and_an_unfinished_pull])
def test_an_import_killed_before_every_change(tmp_path, before):
    source = staged.ready_store(tmp_path / "source", token="")
    put(source, "a:1", CONFIG, SHARED, ONE)
    put(source, "me/b:2", CONFIG, SHARED, TWO)
    bundle = tmp_path / "b.tar"
    export(source, bundle, "a:1", "me/b:2")

    def fresh(name):
        paths = staged.ready_store(tmp_path / name)
        put(paths, "other:1", CONFIG, SHARED)
        before(paths)
        return paths, args(paths, bundle=str(bundle), state="imported")

    calm, given = fresh("calm")
    old = [seen(calm, "a:1"), seen(calm, "me/b:2")]
    assert run_module(store_bundle, given).changed
    new, end = [seen(calm, "a:1"), seen(calm, "me/b:2")], files(calm.root)

    number, views, through = 0, [], False
    while not through:
        number += 1
        paths, given = fresh(str(number))
        through = killed_before(number, store_bundle, given, WRITES)
        views.append([seen(paths, "a:1"), seen(paths, "me/b:2")])
        again = run_module(store_bundle, given)
        assert not again.failed, again.msg
        assert not run_module(store_bundle, given).changed
        assert files(paths.root) == end
        assert seen(paths, "other:1") == seen(calm, "other:1")
    stages = [old, [new[0], old[1]], new]
    assert views == sorted(views, key=stages.index), "once the new one was seen, the old one came back"
    assert views[0] == old
    assert views[-1] == new
    assert number > 30


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_an_export_killed_before_every_change(tmp_path):
    source = staged.ready_store(tmp_path / "source", token="")
    put(source, "a:1", CONFIG, SHARED, ONE)
    put(source, "me/b:2", CONFIG, SHARED, TWO)
    whole = tmp_path / "whole.tar"
    export(source, whole, "a:1", "me/b:2")
    export(source, tmp_path / "old.tar", "a:1")
    old, new = (tmp_path / "old.tar").read_bytes(), whole.read_bytes()

    number, through = 0, False
    while not through:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        export(source, folder / "b.tar", "a:1")
        given = {"path": source.root, "bundle": str(folder / "b.tar"), "state": "exported"}
        through = killed_before(number, store_bundle, given, WRITES)
        assert (folder / "b.tar").read_bytes() in (old, new)
        target = staged.ready_store(folder / "target")
        imported = run_module(store_bundle, args(target, bundle=str(folder / "b.tar"), state="imported"))
        assert imported.kind == "", "the file is whole, and what lies beside it is its own or none"
        assert not run_module(store_bundle, given).failed
        assert not run_module(store_bundle, given).changed
        assert (folder / "b.tar").read_bytes() == new
        assert sorted(os.listdir(folder)) == ["b.tar", "b.tar.sha256", "target"]
    assert number > 10
