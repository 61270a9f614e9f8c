# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_repair`` on a store that the real server wrote: everything in it is damaged at once, and comes back."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_repair
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.repair_store import flip, old_name, tree_of

HOST = "127.0.0.1:5056"
NAMES = [f"{HOST}/library/{name}" for name in ("nomic-embed-text:v1.5", "rich:latest", "tiny:1b", "tiny:2")]


@pytest.fixture
def paths(golden):
    return staged.ready_store(golden)


@pytest.fixture
def registry(golden, tmp_path):
    with FakeRegistry(ModelTree(str(shutil.copytree(golden, tmp_path / "good")))) as server:
        yield server


def given(paths, registry):
    endpoints = {HOST: registry.url}
    return staged.args(paths, models=NAMES, registry_endpoints=endpoints, retries=0, registry_timeout=5.0)


def plain(folder):
    return [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]


def test_it_is_healthy(paths, registry):
    outcome = run_module(store_repair, given(paths, registry))
    assert (outcome.changed, outcome["found"], registry.calls) == (False, [], [])


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: flip(path, 0),
        lambda path: os.truncate(path, path.stat().st_size // 2),
        lambda path: os.truncate(path, 0),
        lambda path: path.unlink(),
        lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
    ],
    ids=["flipped", "half", "empty", "missing", "link"],
)
def test_every_blob_is_damaged(paths, registry, harm):
    before, size = tree_of(paths.root), sum(path.stat().st_size for path in plain(paths.blobs))
    for path in plain(paths.blobs):
        path.chmod(0o644)
        harm(path)
    real = four_runs(store_repair, given(paths, registry))[1]
    assert {path: seen[0] for path, seen in tree_of(paths.root).items()} == {p: seen[0] for p, seen in before.items()}
    assert registry.fetched == real["bytes_fetched"] == real["bytes_damaged"] == size
    assert real["models_affected"] == NAMES
    both = [row for row in real["repaired"] if {NAMES[2], NAMES[3]} <= set(row["models"])]
    assert both, "tiny:1b and tiny:2 share layers"


@pytest.mark.parametrize(
    "harm",
    [
        lambda path: path.write_bytes(b"{}"),
        lambda path: os.truncate(path, 0),
        lambda path: os.truncate(path, 300),
        lambda path: path.unlink(),
    ],
    ids=["braces", "empty", "cut", "missing"],
)
def test_every_manifest_is_damaged(paths, registry, harm):
    before = {path: path.read_bytes() for path in plain(paths.manifests)}
    for path in before:
        path.chmod(0o644)
        harm(path)
    real = four_runs(store_repair, given(paths, registry))[1]
    assert {path: path.read_bytes() for path in before} == before
    assert (real["models_affected"], registry.fetched) == (NAMES, 0)


def test_every_blob_has_its_old_name(paths, registry):
    before = tree_of(paths.root)
    for path in plain(paths.blobs):
        old_name(path)
    real = four_runs(store_repair, given(paths, registry))[1]
    assert list(tree_of(paths.root)) == list(before)
    assert (real["models_affected"], registry.fetched) == (NAMES, 0)
