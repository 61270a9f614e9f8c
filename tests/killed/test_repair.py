# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed before every single change that a repair makes: what was whole stays whole, what was damaged is lost nowhere,
and the next run ends where an undisturbed one does and asks the servers to restart."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import quarantine
from ansible_collections.corral.ollama.plugins.module_utils.store.known import remember
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.module_utils.store.repairing import read_mark
from ansible_collections.corral.ollama.plugins.modules import store_repair
from ansible_collections.corral.ollama.tests.killed.killing import WRITES, killed_before
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.repair_store import (
    CONFIG,
    DAMAGE,
    MODELS,
    ONE,
    SHARED,
    blob,
    fill,
    flip,
    given,
    manifest,
    old_name,
    tree_of,
)


def shared_layer(paths):
    flip(blob(paths, SHARED))


def missing_weights(paths):
    blob(paths, ONE).unlink()


def directory_for_a_blob(paths):
    DAMAGE["directory"][0](paths)


def unreadable_manifest(paths):
    remember(paths, parse_name("a:1"), manifest(paths).read_bytes())
    os.truncate(manifest(paths), 20)


def a_directory_for_a_manifest(paths):
    DAMAGE["manifest is a directory"][0](paths)


def much_at_once(paths):
    """Both ends of a model, an old name, a link, rests of pulls, empty directories and a wrong mode."""
    flip(blob(paths, CONFIG))
    manifest(paths).write_bytes(b"{}")
    old_name(blob(paths, ONE))
    Path(paths.manifests, "there").symlink_to("/etc")
    Path(paths.manifests, "host/ns/m").mkdir(parents=True)
    Path(paths.staging.blobs, f"sha256-{'a' * 64}-partial-1").write_text("{}")
    blob(paths, SHARED).chmod(0o600)


SCENARIOS = [
    shared_layer,
    missing_weights,
    directory_for_a_blob,
    unreadable_manifest,
    a_directory_for_a_manifest,
    much_at_once,
]


def damaged(path, scenario):
    paths = fill(staged.ready_store(path))
    healthy = tree_of(paths.root)
    scenario(paths)
    return paths, healthy


def what_was_whole(before, healthy):
    return {path for path, seen in healthy.items() if before.get(path) == seen}


def changed(path, before, healthy):
    return before[path][0] != healthy[path][0]


def half_restored(paths, before, between, healthy):
    """Models that a reader sees again, and not whole."""
    names = {os.path.relpath(manifest(paths, name), paths.root): contents for name, contents in MODELS.items()}
    back = [path for path in names if before.get(path) != healthy[path] and between.get(path) == healthy[path]]
    blobs = {path: {os.path.relpath(blob(paths, data), paths.root) for data in names[path]} for path in back}
    return [path for path in back if any(between.get(each, (b"",))[0] != healthy[each][0] for each in blobs[path])]


def set_aside(paths):
    """What can still be looked at, by where it was."""
    entries = [entry for entry in quarantine.listed(paths) if os.path.lexists(os.path.join(entry.path, "file"))]
    return {entry.reason["path"] for entry in entries}


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_before_every_change(tmp_path, monkeypatch, scenario):
    # a kill loses nothing that was written, so waiting for the disk would prove nothing here
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    good = fill(ModelTree(str(tmp_path / "good")))
    number, through = 0, False
    with FakeRegistry(good) as registry:
        while not through:
            number += 1
            paths, healthy = damaged(tmp_path / str(number), scenario)
            before = tree_of(paths.root)
            arguments = given(paths, registry, models=list(MODELS))
            through = killed_before(number, store_repair, arguments, WRITES)
            between, asked, mark = tree_of(paths.root), time.time(), read_mark(paths)
            assert {path for path in what_was_whole(before, healthy) if between.get(path) != healthy[path]} == set()
            assert half_restored(paths, before, between, healthy) == []
            again = run_module(store_repair, arguments)
            assert not again.failed, again.msg
            assert tree_of(paths.root) == healthy
            assert os.listdir(paths.staging.blobs) == []
            ended = mark.repaired_at > 0 and not mark.open
            assert ended or again["repaired_at"] >= asked, "a server that saw a part of it would not restart"
            assert not run_module(store_repair, arguments).changed
            assert set_aside(paths) >= {path for path in before if path in healthy and changed(path, before, healthy)}
    assert number > 10
