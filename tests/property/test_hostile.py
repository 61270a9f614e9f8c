# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores that mean harm: a clear finding, nothing hangs, nothing is written outside, and what is whole stays whole."""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.modules import (
    digest_check,
    storage_info,
    store_merge,
    store_prune,
    store_repair,
    store_scrub,
)
from ansible_collections.corral.ollama.tests.property.hostile import SMALL, Findings
from ansible_collections.corral.ollama.tests.property.stores import Contents, Model, Part
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, ready_store

WHOLE = Contents(
    (
        Model("mistral:7b", Part("config", 0, 50), (Part("model", 0, 5000), Part("license", 0, 200))),
        Model("me/other:1", Part("config", 1, 50), (Part("model", 1, 5000), Part("license", 0, 200))),
    )
)


@pytest.fixture(autouse=True)
def nothing_hangs() -> Iterator[None]:
    """A thread that waits for a pipe cannot be interrupted: the whole run ends, and says where it stood."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with two whole models, beside a directory that it has nothing to do with."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/precious").write_text("precious")
    return WHOLE.write(ready_store(tmp_path / "store"))


def tree(place: Path, leave_out: str = "") -> list[tuple[object, ...]]:
    """All that lies there, without following links."""
    found = []
    for path in sorted(place.rglob("*")):
        if not leave_out or leave_out not in path.relative_to(place).parts:
            with suppress(OSError):  # a path may be longer than any call takes
                stat = path.lstat()
                found.append((str(path), stat.st_ino, stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_nlink))
    return found


def assert_whole(root: Path) -> None:
    for digest, part in WHOLE.parts.items():
        assert (root / f"blobs/sha256-{digest}").read_bytes() == part.data
    for model in WHOLE.models:
        assert (root / model.path).read_bytes() == model.raw


def covers(findings: list[dict], wanted: Findings) -> bool:
    seen = {(one["kind"], one["path"]) for one in findings}
    return all(
        any(kind == its and (path == at or (at[-1] == "*" and path.startswith(at[:-1]))) for its, path in seen)
        for kind, at in wanted
    )


def assert_tidy(findings: list[dict]) -> None:
    """What a person or a terminal gets to see is short, and text."""
    for key, limit in (("path", 400), ("message", 1000)):
        assert all(len(one[key]) < limit and one[key].isprintable() for one in findings), findings


@pytest.mark.parametrize("name", SMALL)
def test_digest_check_finds_it_and_only_reads(root: Path, name: str):
    wanted = SMALL[name](root)
    before = tree(root.parent)
    outcome = run_module(digest_check, {"path": str(root), "on_damage": "report"})
    assert not outcome.failed, outcome.msg
    assert covers(outcome["findings"], wanted), outcome["findings"]
    assert_tidy(outcome["findings"])
    sound = {model["name"]: model["ok"] for model in outcome["models"]}
    assert (sound["mistral:7b"], sound["me/other:1"]) == (True, True)
    assert tree(root.parent) == before


@pytest.mark.parametrize("name", SMALL)
def test_scrub_finds_it_and_keeps_its_memory_where_it_belongs(root: Path, name: str):
    wanted = SMALL[name](root)
    before = tree(root.parent, leave_out=".corral")
    for mode in ("full", "incremental", "quick"):
        outcome = run_module(store_scrub, {"path": str(root), "mode": mode, "on_damage": "report", "idle_io": False})
        assert not outcome.failed, outcome.msg
        assert covers(outcome["findings"], wanted), outcome["findings"]
        assert_tidy(outcome["findings"])
    assert tree(root.parent, leave_out=".corral") == before


@pytest.mark.parametrize("name", SMALL)
def test_repair_changes_nothing_outside_and_nothing_that_is_whole(root: Path, name: str):
    SMALL[name](root)
    outside, before = tree(root.parent, leave_out="store"), tree(root.parent)
    nowhere = {"sources": [{"type": "peer", "path": str(root.parent / "outside")}], "on_failure": "report"}
    wish = args(store_at(str(root)), models=[model.name for model in WHOLE.models], mode="full", **nowhere)
    check = run_module(store_repair, wish, check=True)
    assert not check.failed, check.msg
    assert tree(root.parent) == before
    done = run_module(store_repair, wish)
    assert not done.failed, done.msg
    assert_tidy(done["found"])
    assert_whole(root)
    assert tree(root.parent, leave_out="store") == outside
    assert done.changed == check.changed
    assert not run_module(store_repair, wish).changed


@pytest.mark.parametrize("name", SMALL)
def test_prune_removes_nothing_outside_and_nothing_that_is_whole(root: Path, name: str):
    SMALL[name](root)
    outside = tree(root.parent, leave_out="store")
    at_once = {"min_age": 0, "partial_age": 0, "quarantine_age": 0}
    wish = args(store_at(str(root)), models=[model.name for model in WHOLE.models], undeclared=True, **at_once)
    for check in (True, False, False):
        outcome = run_module(store_prune, wish, check=check)
        assert not outcome.failed, outcome.msg
        assert all(len(one["path"]) < 400 and one["path"].isprintable() for one in outcome["candidates"])
        assert_whole(root)
        assert tree(root.parent, leave_out="store") == outside


@pytest.mark.parametrize("name", SMALL)
def test_the_storage_report_only_reads(root: Path, name: str):
    SMALL[name](root)
    before = tree(root.parent)
    outcome = run_module(storage_info, {"path": str(root)})
    assert not outcome.failed, outcome.msg
    assert outcome["storage"]["unique_bytes_by_model"].keys() >= {"mistral:7b", "me/other:1"}
    assert tree(root.parent) == before


@pytest.mark.parametrize("place", ["a source", "the store itself"])
@pytest.mark.parametrize("name", SMALL)
def test_a_merge_takes_what_is_whole_and_nothing_else(root: Path, name: str, place: str):
    """From a legacy volume that means harm, or into one."""
    SMALL[name](root)
    target = ready_store(root.parent / "target") if place == "a source" else store_at(str(root))
    old = "old" if place == "a source" else "store"
    outside, source = tree(root.parent / "outside"), tree(root)
    wish = args(target, sources=[{"name": old, "path": str(root)}])
    for check in (True, False, False):
        outcome = run_module(store_merge, wish, check=check)
        assert not outcome.failed, outcome.msg
    assert not outcome.changed
    assert_whole(Path(target.root))
    assert_whole(root)
    assert tree(root.parent / "outside") == outside
    if place == "a source":
        assert [row[:4] for row in tree(root)] == [row[:4] for row in source]
