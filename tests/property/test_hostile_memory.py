# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Corral's own files in the store mean harm, or come from another time: what they say is not believed, nothing is
written through them, and what is whole stays whole."""

from __future__ import annotations

import faulthandler
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree, store_at
from ansible_collections.corral.ollama.plugins.modules import store_prune, store_repair, store_scrub
from ansible_collections.corral.ollama.tests.property.stores import Contents, Model, Part, blob_path
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, ready_store

WEIGHTS = Part("model", 0, 5000)
WHOLE = Contents((Model("mistral:7b", Part("config", 0, 50), (WEIGHTS,)),))
HURT = Contents((Model("hurt:1", Part("config", 1, 50), (Part("model", 1, 5000),)),))
NAMES = [model.name for model in (*WHOLE.models, *HURT.models)]
NOT_THERE = "d" * 64
FUTURE = time.time() + 400 * 24 * 3600


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with things to fetch and to move, beside a directory in which everything looks as if it could go."""
    raw = HURT.models[0].raw
    precious = ("precious", f"blobs/sha256-{NOT_THERE}-partial", f"blobs/sha256-{NOT_THERE}", "manifests/h/n/m/t")
    for name in (*precious, hashlib.sha256(raw).hexdigest(), f"past/{hashlib.sha256(raw).hexdigest()}", "tmp/file"):
        (tmp_path / "outside" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "outside" / name).write_bytes(raw)
        os.utime(tmp_path / "outside" / name, (0, 0))
    HURT.write(ModelTree(str(tmp_path / "peer")))
    paths = ready_store(tmp_path / "store")
    root = HURT.write(paths)
    WHOLE.write(paths)
    (root / blob_path(HURT.models[0].layers[0].digest)).write_text("hurt")
    for name in (f"sha256-{NOT_THERE}", f"sha256-{NOT_THERE}-partial-1", f"sha256:{'e' * 64}"):
        (root / "blobs" / name).write_text("x")
    return root


def scrub(root: Path) -> Outcome:
    return run_module(store_scrub, {"path": str(root), "mode": "full", "on_damage": "report", "idle_io": False})


def repair(root: Path) -> Outcome:
    sources = [{"type": "peer", "path": str(root.parent / "peer")}]
    return run_module(store_repair, args(store_at(str(root)), models=NAMES, sources=sources, on_failure="report"))


def prune(root: Path) -> Outcome:
    at_once = {"min_age": 0, "partial_age": 0, "quarantine_age": 0}
    return run_module(store_prune, args(store_at(str(root)), models=NAMES, undeclared=True, **at_once))


MODULES: dict[str, Callable[[Path], Outcome]] = {"scrub": scrub, "repair": repair, "prune": prune}
FILES = ("receipts.jsonl", "receipts.guard", "scrub.json", "scrub-state.json", "scrub.guard", "repair.json")
FILES += ("candidates.json", "lease.guard")
FOLDERS = ("known", "known/manifests", "known/past", "quarantine", "tmp", "incoming", "incoming/blobs")


def _huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 34)


MADE: dict[str, Callable[[Path], Any]] = {
    "link": lambda path: path.symlink_to(_beside(path) / "precious"),
    "pipe": os.mkfifo,
    "directory": lambda path: path.mkdir(),
    "junk": lambda path: path.write_bytes(b'{"schema": 1, "models": [[[{"\xff\n' * 1000),
    "nested": lambda path: path.write_bytes(b"[" * 100_000),
    "sixteen gigabytes": _huge,
}


def _beside(path: Path) -> Path:
    return next(parent for parent in path.parents if parent.name == "store").parent / "outside"


def outside(root: Path) -> list[tuple[str, int, int]]:
    found = sorted((root.parent / "outside").rglob("*"))
    return [(str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in found]


def assert_harmless(root: Path, module: str) -> None:
    """It does its work, or says in one sentence why not; either way nothing else happens."""
    before = outside(root)
    outcome = MODULES[module](root)
    assert not outcome.failed or outcome.kind, outcome.msg
    assert "Traceback" not in outcome.msg
    assert outside(root) == before
    for model in WHOLE.models:
        assert (root / model.path).read_bytes() == model.raw
        assert all((root / blob_path(part.digest)).read_bytes() == part.data for part in model.parts)


def away(path: Path) -> None:
    """Aside, not removed: what is in a directory of Corral's own may be needed to see what became of it."""
    if path.is_symlink() or path.exists():
        path.rename(path.with_name(f"{path.name}-was"))


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_corral_that_is_none(root: Path, module: str, name: str, made: str):
    away(root / ".corral" / name)
    MADE[made](root / ".corral" / name)
    assert_harmless(root, module)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_of_corral_that_leads_outside(root: Path, module: str, name: str):
    folder = root / ".corral" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    away(folder)
    folder.symlink_to(root.parent / "outside")
    assert_harmless(root, module)


@pytest.mark.parametrize("module", MODULES)
def test_all_of_corrals_own_leads_outside(root: Path, module: str):
    """With another store's memory behind it, at that."""
    away(root / ".corral")
    (root / ".corral").symlink_to(root.parent / "outside")
    assert_harmless(root, module)


def test_receipts_from_the_future_hide_nothing(root: Path):
    """The clock was wrong when they were written, or someone wishes a blob not to be read."""
    assert scrub(root)["scrub"]["coverage"]["never_verified"] == 0
    journal = root / ".corral/receipts.jsonl"
    path = root / blob_path(WEIGHTS.digest)
    path.write_bytes(b"x" * WEIGHTS.size)
    found = path.stat()
    stamp = [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]
    journal.write_text(json.dumps([WEIGHTS.digest, WEIGHTS.digest, *stamp, FUTURE]) + "\n")
    outcome = run_module(store_scrub, {"path": str(root), "on_damage": "report", "idle_io": False})
    assert ("wrong_hash", ["mistral:7b"]) in [(one["kind"], one["models"]) for one in outcome["findings"]]
    assert any("clock" in warning for warning in outcome["warnings"])


def test_a_prune_does_not_count_time_that_has_not_passed(root: Path):
    """Everything in the store is from next year: nothing of it is old."""
    for path in (root / "blobs").iterdir():
        os.utime(path, (FUTURE, FUTURE))
    wish = args(store_at(str(root)), models=NAMES, min_age=60, partial_age=60, quarantine_age=60)
    outcome = run_module(store_prune, wish)
    assert not outcome.failed, outcome.msg
    assert (root / "blobs" / f"sha256-{NOT_THERE}").exists()
    assert (root / "blobs" / f"sha256-{NOT_THERE}-partial-1").exists()
    assert all(one["age"] >= 0 for one in outcome["candidates"])
