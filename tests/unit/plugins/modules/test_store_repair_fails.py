# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When not everything can be repaired: what can be is, nothing is lost, and the rest is named."""

from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.modules import store_repair
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.repair_store import (
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
from ansible_collections.corral.ollama.tests.unit.staged import digest

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


def test_what_can_be_repaired_is_repaired_and_the_rest_is_named(paths, registry):
    flip(blob(paths, ONE))
    flip(blob(paths, TWO))
    registry.forget_blob("library/a", digest(ONE))
    check = run_module(store_repair, given(paths, registry), check=True)
    assert (check.failed, check["ok"], check.changed) == (False, False, True)
    assert any(digest(ONE) in text for text in check["warnings"])
    outcome = run_module(store_repair, given(paths, registry))
    assert outcome.kind == "repair_incomplete"
    error = outcome["error"]
    assert [row["digest"] for row in error["repaired"]] == [row["digest"] for row in check["repaired"]] == [digest(TWO)]
    assert [row["models"] for row in error["unrepaired"]] == [["a:1"]]
    assert [one["name"] for one in error["repaired_models"]] == ["b:1", "n/c:1"]
    assert blob(paths, TWO).read_bytes() == TWO
    again = run_module(store_repair, given(paths, registry, on_failure="report"))
    assert (again.failed, again.changed, again["ok"]) == (False, False, False)


@pytest.mark.parametrize("sources", [[], [REGISTRY], [{"type": "bundle", "path": "/nowhere"}]])
def test_without_a_source_nothing_is_touched(paths, good, sources):
    flip(blob(paths, SHARED))
    os.truncate(manifest(paths, "n/c:1"), 3)
    before = tree_of(paths.root)
    endpoints = {"registry.ollama.ai": "http://127.0.0.1:9"}
    for check in (True, False):
        outcome = run_module(
            store_repair, staged.args(paths, sources=sources, retries=0, registry_endpoints=endpoints), check=check
        )
        assert outcome.kind == "repair_incomplete"
        assert [name for name in ("a:1", "b:1", "n/c:1") if name not in outcome.msg] == []
    assert tree_of(paths.root) == before
    assert not os.path.exists(paths.quarantine)


def test_a_full_disk(paths, registry, monkeypatch):
    flip(blob(paths, SHARED))
    before = tree_of(paths.root)
    real = os.write

    def full(fd, data):
        if "repair" in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        outcome = run_module(store_repair, given(paths, registry))
    assert outcome.kind == "repair_incomplete"
    assert "No space left" in outcome.msg
    assert tree_of(paths.root) == before
    assert os.listdir(paths.staging.blobs) == [], "what was fetched in vain does not fill the disk"


def test_a_lost_lease_ends_it(paths, registry):
    flip(blob(paths, SHARED))
    before = tree_of(paths.root)
    LeaseFile(paths).release(staged.TOKEN)
    outcome = run_module(store_repair, given(paths, registry))
    assert outcome.kind == "lease_lost"
    assert tree_of(paths.root) == before


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"sources": [{"type": "peer"}]}, "needs a path"),
        ({"sources": [{"type": "registry", "path": "/x"}]}, "takes no path"),
        ({"sources": [{"type": "peer", "path": "/a/../b"}]}, "cannot be a store"),
        ({"file_mode": "rw"}, "octal"),
        ({"threads": -1}, "threads"),
        ({"models": ["a:1", "A:1"]}, "declared already"),
    ],
)
def test_bad_input(paths, registry, wish, words):
    outcome = run_module(store_repair, given(paths, registry, **wish))
    assert outcome.kind == "bad_input"
    assert words in outcome.msg
