# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_repair`` brings manifests back to the byte: from the copy that was kept, by their digest, by their tag."""

from __future__ import annotations

import os

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.known import drop_past, remember
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_repair
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.repair_store import (
    CONFIG,
    ONE,
    TWO,
    blob,
    fill,
    given,
    manifest,
)
from ansible_collections.corral.ollama.tests.unit.staged import digest, manifest_of, put, put_manifest


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


def test_the_copy_that_was_kept_brings_a_manifest_back_without_a_registry(paths, registry):
    raw = manifest(paths).read_bytes()
    remember(paths, parse_name("a:1"), raw)
    os.truncate(manifest(paths), 10)
    real = four_runs(store_repair, given(paths, registry, sources=[]))[1]
    assert [row["source"] for row in real["repaired"]] == ["known"]
    assert manifest(paths).read_bytes() == raw


def test_a_copy_that_is_not_what_is_pinned_is_not_taken(paths, registry):
    raw = manifest(paths).read_bytes()
    remember(paths, parse_name("a:1"), manifest_of(CONFIG, TWO))
    os.truncate(manifest(paths), 0)
    pinned = given(paths, registry, models=[{"name": "a:1", "digest": digest(raw)}])
    assert [row["source"] for row in run_module(store_repair, pinned, check=True)["repaired"]] == ["known"]
    drop_past(paths, digest(raw))
    real = four_runs(store_repair, pinned)[1]
    assert [row["source"] for row in real["repaired"]] == ["registry"]
    assert manifest(paths).read_bytes() == raw


def test_a_tag_that_moved_does_not_change_what_comes_back(paths, good, tmp_path):
    moved = put(ModelTree(str(tmp_path / "new")), "a:1", CONFIG, TWO)
    raw = manifest(paths).read_bytes()
    os.truncate(manifest(paths), 0)
    blob(paths, ONE).unlink()
    with FakeRegistry(good) as registry:
        new = manifest_of(CONFIG, TWO)
        registry.serve("library/a", "1", new, moved, {digest(TWO): TWO})
        pinned = [{"name": "a:1", "digest": digest(raw)}]
        real = four_runs(store_repair, given(paths, registry, models=pinned))[1]
    assert manifest(paths).read_bytes() == raw
    assert registry.fetched == len(ONE)
    assert real["models_affected"] == ["a:1"]


@pytest.mark.parametrize("moved", [False, True])
def test_a_registry_that_knows_no_digests_is_asked_by_the_tag(paths, good, moved):
    raw = manifest(paths).read_bytes()
    os.truncate(manifest(paths), 0)
    with FakeRegistry(good, by_digest=False) as registry:
        if moved:
            registry.serve("library/a", "1", manifest_of(CONFIG, TWO), "0" * 64, {})
        outcome = run_module(store_repair, given(paths, registry, models=[{"name": "a:1", "digest": digest(raw)}]))
    if moved:
        assert outcome.kind == "repair_incomplete"
        assert "tag has moved on" in outcome.msg
        assert manifest(paths).read_bytes() == b""
    else:
        assert manifest(paths).read_bytes() == raw


def test_a_manifest_that_was_changed_to_name_what_nobody_has(paths, registry):
    raw = manifest(paths).read_bytes()
    remember(paths, parse_name("a:1"), raw)
    bad = raw.replace(digest(ONE).encode(), b"0" * 64)
    put_manifest(paths, "a:1", bad)
    four_runs(store_repair, given(paths, registry))
    assert manifest(paths).read_bytes() == raw
    assert registry.fetched == 0


def test_another_manifest_that_is_whole_is_no_damage(paths, registry):
    """Somebody published it in another way; whether that was right is a question of pins, not of repair."""
    remember(paths, parse_name("a:1"), manifest_of(CONFIG, TWO))
    assert not run_module(store_repair, given(paths, registry)).changed
