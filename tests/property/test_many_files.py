# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hundred thousand files where a few dozen are meant to be, and files of a gigabyte where a manifest is: memory and
answers stay small. The bounds are generous; what they catch is a cost that is no longer in proportion."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import StorePaths
from ansible_collections.corral.ollama.tests.property.measured import measured
from ansible_collections.corral.ollama.tests.property.stores import Contents, Model, Part
from ansible_collections.corral.ollama.tests.unit.staged import TOKEN, ready_store

WHOLE = Contents((Model("mistral:7b", Part("config", 0, 50), (Part("model", 0, 5000),)),))
ORPHANS, PARTIALS, STRAYS = 4_000, 48_000, 48_000
CLUTTER = {"orphan": ORPHANS, "partial": PARTIALS, "stray": STRAYS}


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorePaths]:
    """Empty files: blobs that nobody uses and that do not hash to their names, partial downloads, names of no kind."""
    paths = ready_store(tmp_path_factory.mktemp("crowded") / "store")
    WHOLE.write(paths)
    for form, count in (("sha256-{:064x}", ORPHANS), ("sha256-{:064x}-partial", PARTIALS), ("README-{}", STRAYS)):
        for number in range(count):
            path = os.path.join(paths.blobs, form.format(number))
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    yield paths
    shutil.rmtree(paths.root)


def assert_small(
    module: str, paths: StorePaths, check: bool = False, most_mib: float = 4, **args: Any
) -> dict[str, Any]:
    took = measured(module, {"path": paths.root, **args}, check)
    assert not took.failed, took.result
    assert took.grown_mib < 300
    assert took.answer_mib < most_mib
    return took.result


def test_digest_check(crowded: StorePaths):
    result = assert_small("digest_check", crowded, mode="quick")
    assert result["ok"] is True
    assert result["findings_by_kind"] == CLUTTER
    assert [model["ok"] for model in result["models"]] == [True]
    assert Path(crowded.manifests).is_dir()


def test_scrub(crowded: StorePaths):
    result = assert_small("store_scrub", crowded, mode="quick", on_damage="report")
    assert result["scrub"]["findings_by_kind"] == CLUTTER


def test_prune(crowded: StorePaths):
    ages = {"min_age": 0, "partial_age": 0}
    result = assert_small("store_prune", crowded, check=True, models=["mistral:7b"], lease_token=TOKEN, **ages)
    assert result["summary"]["orphan"]["count"] == ORPHANS
    assert result["summary"]["partial"]["count"] == PARTIALS


def test_repair(crowded: StorePaths):
    """Four thousand blobs would be set aside, as their names lie; the answer names each of these, and no more."""
    nowhere = {"sources": [{"type": "peer", "path": crowded.root}], "on_failure": "report"}
    result = assert_small("store_repair", crowded, check=True, most_mib=5, lease_token=TOKEN, **nowhere)
    assert result["models_affected"] == []


def test_merge(crowded: StorePaths, tmp_path: Path):
    target = ready_store(tmp_path / "target")
    source = [{"name": "old", "path": crowded.root}]
    result = assert_small("store_merge", target, check=True, sources=source, lease_token=TOKEN)
    assert [model["name"] for model in result["models"]] == ["mistral:7b"]


def test_storage_report(crowded: StorePaths):
    result = assert_small("storage_info", crowded)
    assert list(result["storage"]["unique_bytes_by_model"]) == ["mistral:7b"]


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> StorePaths:
    """What is read as a whole is a gigabyte, in the store and in Corral's own memory; all of it a hole."""
    paths = ready_store(tmp_path_factory.mktemp("endless") / "store")
    root = WHOLE.write(paths)
    own = ("receipts.jsonl", "scrub.json", "scrub-state.json", "repair.json", "candidates.json", "merge.json")
    for name in ("manifests/h/n/m/t", *(f".corral/{one}" for one in own)):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
        os.truncate(root / name, 1 << 30)
    return paths


NOWHERE = {"sources": [{"type": "peer", "path": "/nowhere"}], "on_failure": "report"}
READERS: dict[str, dict[str, Any]] = {
    "digest_check": {"on_damage": "report"},
    "store_scrub": {"on_damage": "report", "idle_io": False},
    "store_repair": {"lease_token": TOKEN, **NOWHERE},
    "store_prune": {"lease_token": TOKEN, "models": ["mistral:7b"]},
    "storage_info": {},
}


@pytest.mark.parametrize("module", READERS)
def test_a_gigabyte_is_not_read(endless: StorePaths, module: str):
    took = measured(module, {"path": endless.root, **READERS[module]}, check=True)
    assert not took.failed, took.result
    assert took.grown_mib < 200


def test_a_gigabyte_is_not_merged(endless: StorePaths, tmp_path: Path):
    source = {"sources": [{"name": "old", "path": endless.root}]}
    took = measured("store_merge", {"path": ready_store(tmp_path / "target").root, "lease_token": TOKEN, **source})
    assert not took.failed, took.result
    assert took.grown_mib < 200
