# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_repair`` on every kind of damage: predicted, repaired to the byte, and then nothing more to do."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store import quarantine
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_repair
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.repair_store import (
    CONFIG,
    DAMAGE,
    MANIFEST,
    MODELS,
    ONE,
    PARAMS,
    SHARED,
    blob,
    fill,
    given,
    manifest,
    tree_of,
)
from ansible_collections.corral.ollama.tests.unit.staged import digest


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


@pytest.mark.parametrize("case", DAMAGE)
def test_every_row_of_the_table_of_damage(paths, registry, case):
    before = tree_of(paths.root)
    harm, action, kind, models, missing = DAMAGE[case]
    harm(paths)
    assert tree_of(paths.root) != before
    check, real, again, _unused = four_runs(store_repair, given(paths, registry, models=list(MODELS)))
    assert tree_of(paths.root) == before
    (row,) = real["repaired"]
    assert (row["action"], row["kind"], row["models"]) == (action, kind, models)
    assert (real["ok"], real["unrepaired"], real["models_affected"]) == (True, [], models)
    assert real["bytes_damaged"] == real["bytes_fetched"] == registry.fetched == len(missing)
    for key in ("repaired", "quarantined", "bytes_fetched", "models_affected", "found"):
        assert check[key] == real[key]
    assert again["repaired"] == again["found"] == []
    assert [one["name"] for one in again["repaired_models"]] == models
    assert again["repaired_at"] == real["repaired_at"] > 0
    kept = [entry.reason["path"] for entry in quarantine.listed(paths)]
    assert kept == real["quarantined"]
    assert len(kept) == (0 if "missing" in case or action in ("rename", "set_mode") else 1)


def test_a_healthy_store_is_left_alone(paths, registry):
    before = tree_of(paths.root)
    for check in (True, False):
        outcome = run_module(store_repair, given(paths, registry, models=list(MODELS), mode="full"), check=check)
        assert not outcome.changed
        assert (outcome["ok"], outcome["found"], outcome["repaired_at"]) == (True, [], 0)
    assert tree_of(paths.root) == before
    assert registry.calls == []
    assert not os.path.exists(paths.repair_mark)


TIDY = {
    "a dot-file": (lambda p: Path(p.root, "manifests/registry.ollama.ai/library/a/.x").write_bytes(b""), "set_aside"),
    "a link above": (lambda p: Path(p.manifests, "there").symlink_to("/etc"), "set_aside"),
    "a pipe above": (lambda p: os.mkfifo(Path(p.manifests, "registry.ollama.ai/pipe")), "set_aside"),
    "a name that is no text": (lambda p: os.mkdir(os.fsencode(p.manifests) + b"/\xff\n"), "set_aside"),
    "an unknown directory": (
        lambda p: Path(p.manifests, "registry.ollama.ai/library/a/2/x").mkdir(parents=True), "set_aside"
    ),
    "empty directories": (lambda p: Path(p.manifests, "host/ns/m").mkdir(parents=True), "remove_directory"),
    "an old name with wrong bytes": (lambda p: Path(p.blobs, f"sha256:{'a' * 64}").write_bytes(b"x"), "set_aside"),
    "an old name that is none": (lambda p: Path(p.blobs, "sha256:x").write_bytes(b"x"), "set_aside"),
    "an old name twice": (lambda p: Path(p.blobs, f"sha256:{digest(ONE)}").write_bytes(ONE), "set_aside"),
    "old names below": (
        lambda p: (Path(p.blobs, "d").mkdir(), Path(p.blobs, "d/sha256:x").write_bytes(b"")), "set_aside"
    ),
    "a stray part": (lambda p: Path(p.blobs, f"sha256-{'a' * 64}-partial-1").write_text("{}"), "set_aside"),
    "a stray part in staging": (
        lambda p: Path(p.staging.blobs, f"sha256-{'a' * 64}-partial-1").write_text("{}"), "remove"
    ),
    "the rest of a repair": (
        lambda p: Path(p.staging.blobs, f"sha256-{'a' * 64}.repair").write_text("{}"), "remove"
    ),
    "an orphan with wrong bytes": (lambda p: Path(p.blob("a" * 64)).write_bytes(b"x"), "set_aside"),
    "an orphan that is a pipe": (lambda p: os.mkfifo(p.blob("a" * 64)), "set_aside"),
}  # fmt: skip


@pytest.mark.parametrize("case", TIDY)
def test_what_is_in_the_way_of_servers(paths, registry, case):
    before = tree_of(paths.root)
    harm, action = TIDY[case]
    harm(paths)
    check, real, again, _unused = four_runs(store_repair, given(paths, registry))
    assert tree_of(paths.root) == before
    assert os.listdir(paths.staging.blobs) == []
    (row,) = real["repaired"]
    assert row["action"] == action
    assert check["repaired"] == real["repaired"]
    assert check["quarantined"] == real["quarantined"]
    assert (real["models_affected"], real["repaired_at"], registry.calls) == ([], 0, [])
    assert len(quarantine.listed(paths)) == len(real["quarantined"]) == (row["action"] == "set_aside")
    assert again["found"] == []


def test_what_is_no_manifest_and_of_a_model_that_nobody_knows_is_set_aside(paths, registry):
    """A leftover of a tool may have a name that could be a model's; no server can delete it."""
    before = tree_of(paths.root)
    Path(paths.root, f"{MANIFEST}.tmp").write_bytes(b"x")
    real = four_runs(store_repair, given(paths, registry))[1]
    assert [(row["action"], row["models"]) for row in real["repaired"]] == [("set_aside", ["a:1.tmp"])]
    assert tree_of(paths.root) == before
    Path(paths.root, f"{MANIFEST}.tmp").write_bytes(b"x")
    assert run_module(store_repair, given(paths, registry, sources=[])).kind == "repair_incomplete"
    assert Path(paths.root, f"{MANIFEST}.tmp").exists()


def test_what_a_pull_can_go_on_with_stays(paths, registry):
    part = {"N": 0, "Offset": 0, "Size": 9, "Completed": 3}
    for folder in (paths.blobs, paths.staging.blobs):
        Path(folder, f"sha256-{'a' * 64}-partial").write_bytes(b"x" * 9)
        Path(folder, f"sha256-{'a' * 64}-partial-0").write_text(json.dumps(part))
    Path(paths.blob(digest(b"orphan"))).write_bytes(b"orphan")
    assert not run_module(store_repair, given(paths, registry)).changed


def test_everything_at_once(paths, registry):
    before = tree_of(paths.root)
    for harm in ("shared layer bad", "config missing", "manifest {}", "old name", "params bad"):
        DAMAGE[harm][0](paths)
    for harm in ("empty directories", "a stray part", "a link above"):
        TIDY[harm][0](paths)
    real = four_runs(store_repair, given(paths, registry, models=list(MODELS)))[1]
    assert tree_of(paths.root) == before
    assert registry.fetched == real["bytes_damaged"] == len(SHARED + CONFIG + PARAMS)
    assert real["models_affected"] == ["a:1", "b:1", "n/c:1"]


def test_a_directory_that_others_may_write_to(paths, registry):
    os.chmod(paths.manifests, 0o777)
    real = four_runs(store_repair, given(paths, registry))[1]
    assert [(row["action"], row["models"]) for row in real["repaired"]] == [("set_mode", list(MODELS))]
    assert stat.S_IMODE(os.stat(paths.manifests).st_mode) == 0o755
    assert real["repaired_at"] == 0, "no server was kept from anything by that"


def test_exact_modes_where_they_are_asked_for(paths, registry):
    blob(paths, ONE).chmod(0o444)
    assert not run_module(store_repair, given(paths, registry)).changed
    real = four_runs(store_repair, given(paths, registry, file_mode="0644", directory_mode="0755"))[1]
    assert [row["kind"] for row in real["repaired"]] == ["wrong_mode"]


def test_a_model_that_is_declared_absent_is_not_put_back(paths, registry):
    os.truncate(manifest(paths), 0)
    real = four_runs(store_repair, given(paths, registry, models=[{"name": "a:1", "state": "absent"}]))[1]
    assert [(row["action"], row["models"]) for row in real["repaired"]] == [("set_aside", ["a:1"])]
    assert not manifest(paths).exists()
    assert not manifest(paths).parent.exists()
