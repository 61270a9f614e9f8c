# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store``: twelve steps, foreign directories, and interruptions."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.corral.ollama.plugins.modules import store
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module


def tree(path):
    return sorted(str(entry.relative_to(path)) for entry in path.rglob("*"))


def mode(path):
    return oct(path.stat().st_mode & 0o7777)


def test_create(tmp_path):
    path = tmp_path / "deep" / "models"
    check, real, again = four_runs(store, {"path": str(path), "project": "p"})[:3]
    assert check["steps"] == real["steps"]
    assert again["steps"] == []
    assert tree(path) == [
        ".corral",
        ".corral/incoming",
        ".corral/incoming/blobs",
        ".corral/incoming/manifests",
        ".corral/owner.json",
        ".corral/tmp",
        "blobs",
        "manifests",
    ]
    assert [mode(path / name) for name in ("", ".corral", "blobs", "manifests")] == ["0o755", "0o700", "0o755", "0o755"]
    assert json.loads((path / ".corral/owner.json").read_text())["project"] == "p"
    assert real["store"]["path"] == str(path)
    assert real["store"]["models"] == []
    assert real["store"]["adopted"] is False
    assert 0 < real["store"]["free_bytes"] <= real["store"]["total_bytes"]


def test_check_mode_makes_nothing(tmp_path):
    assert run_module(store, {"path": str(tmp_path / "x" / "models")}, check=True).changed
    assert tree(tmp_path) == []


def test_change_of_modes(tmp_path):
    path = tmp_path / "models"
    run_module(store, {"path": str(path)})
    os.chmod(path / "blobs", 0o700)
    os.chmod(path / ".corral", 0o755)
    real = four_runs(store, {"path": str(path)})[1]
    assert [step["action"] for step in real["steps"]] == ["set_mode", "set_mode"]
    assert (mode(path / "blobs"), mode(path / ".corral")) == ("0o755", "0o700")


def test_adopting_an_ollama_store(tmp_path, golden):
    args = {"path": str(golden), "project": "p"}
    refused = run_module(store, args)
    assert refused.kind == "foreign_store"
    assert "adopt: true" in refused.msg
    assert not (golden / ".corral").exists()
    before = tree(golden)
    real, again = four_runs(store, {**args, "adopt": True})[1:3]
    assert [name for name in tree(golden) if not name.startswith(".corral")] == before
    assert real["store"]["adopted"] is True
    assert again["store"]["adopted"] is True
    assert "127.0.0.1:5056/library/tiny:1b" in real["store"]["models"]
    assert not run_module(store, args).changed


@pytest.mark.parametrize("content", [["mydata.txt"], ["a/b"], ["postgres/PG_VERSION"]])
def test_foreign_directories_are_left_alone(tmp_path, content):
    for name in content:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    before = tree(tmp_path)
    for adopt in (False, True):
        outcome = run_module(store, {"path": str(tmp_path), "adopt": adopt})
        assert outcome.kind == "foreign_store"
        assert "does not look like an Ollama store" in outcome.msg
    assert tree(tmp_path) == before


def test_the_store_of_another_project(tmp_path):
    run_module(store, {"path": str(tmp_path), "project": "one"})
    outcome = run_module(store, {"path": str(tmp_path), "project": "two", "adopt": True})
    assert outcome.kind == "foreign_store"
    assert "project one" in outcome.msg


@pytest.mark.parametrize("steps", range(9))
def test_an_interruption_after_any_step_is_finished_by_the_next_run(tmp_path, monkeypatch, steps):
    (tmp_path / "lost+found").mkdir()
    left = iter(range(steps))
    real = store.make_ready

    def cut(paths, found, plan, shared):
        real(paths, found, [step for step in plan if next(left, None) is not None], shared)

    monkeypatch.setattr(store, "make_ready", cut)
    run_module(store, {"path": str(tmp_path)})
    monkeypatch.setattr(store, "make_ready", real)
    assert not run_module(store, {"path": str(tmp_path)}).failed
    assert not run_module(store, {"path": str(tmp_path)}).changed
    assert (tmp_path / ".corral/owner.json").is_file()


BAD_PATHS = ["relative/path", "/", "/a/../../etc"]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_bad_paths(path):
    assert run_module(store, {"path": path}, check=True).kind == "bad_input"


@pytest.mark.parametrize("name", ["blobs", ".corral", ""])
def test_links_are_not_followed(tmp_path, name):
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "models"
    elsewhere.mkdir()
    if name:
        path.mkdir()
    (path / name if name else path).symlink_to(elsewhere)
    outcome = run_module(store, {"path": str(path)})
    assert outcome.kind == "not_a_directory"
    assert "symbolic link" in outcome.msg
    assert tree(elsewhere) == []


def test_a_broken_marker_is_not_believed(tmp_path):
    run_module(store, {"path": str(tmp_path)})
    (tmp_path / ".corral/owner.json").write_text("{")
    assert run_module(store, {"path": str(tmp_path)}).kind == "foreign_store"


def test_a_full_disk_and_a_read_only_one(tmp_path, monkeypatch):
    for number, kind in ((28, "no_space"), (30, "read_only_store"), (13, "permission_denied"), (5, "io_error")):

        def fail(*_args, number=number):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "mkdir", fail)
        outcome = run_module(store, {"path": str(tmp_path / "models")})
        assert (outcome.kind, outcome["error"]["path"]) == (kind, str(tmp_path / "models"))
