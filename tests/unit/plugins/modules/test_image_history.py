# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module image_history: what runs is written down, once."""

from __future__ import annotations

import json
import stat

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import image_history as glue
from ansible_collections.corral.ollama.plugins.modules import image_history
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.image_engine import (
    ImageEngine,
    instance,
    number,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module

OLD, NEW = "ollama/ollama:0.32.15", "ollama/ollama:0.32.16"


@pytest.fixture
def args(tmp_path, monkeypatch):
    def for_fleet(*instances, **more):
        engine = ImageEngine(*instances)
        monkeypatch.setattr(glue, "connect", lambda timeout: engine)
        return {"path": str(tmp_path / "state" / "images.json"), **more}

    return for_fleet


def test_it_begins_grows_and_stays(args, tmp_path):
    path = tmp_path / "state" / "images.json"
    check, real, _again, _check = four_runs(
        image_history, args(instance(1), instance(2), versions={number("1"): "0.32.15"})
    )
    assert check["steps"] == real["steps"] == [{"action": "remember", "target": number("1"), "detail": OLD}]
    assert real["images"] == [{"id": number("1"), "references": [OLD], "version": "0.32.15"}]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    _check, real, _again, _check = four_runs(image_history, args(instance(1, "2", NEW), instance(2, "2", NEW)))
    assert [(one["id"][0], one["version"]) for one in real["images"]] == [("2", ""), ("1", "0.32.15")]
    assert real["diff"]["before"] == {"images": [f"111111111111 {OLD}"]}
    four_runs(image_history, args(instance(1), instance(2)))
    assert [entry["id"][0] for entry in json.loads(path.read_text())["images"]] == ["1", "2"]


def test_in_the_middle_of_a_rollout_both_count(args):
    outcome = run_module(image_history, args(instance(1), instance(2), instance(3, "2", NEW)))
    assert [one["id"][0] for one in outcome["images"]] == ["1", "2"]


@pytest.mark.parametrize("state", ["exited", "restarting", "created"])
def test_what_does_not_run_is_not_remembered(args, state, tmp_path):
    outcome = run_module(image_history, args(instance(1, state=state), instance(1, project="other")))
    assert (outcome.changed, outcome["images"]) == (False, [])
    assert not (tmp_path / "state").exists()


def test_a_damaged_file_begins_anew(args, tmp_path):
    options = args(instance(1))
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "images.json").write_text("[]")
    outcome = run_module(image_history, options)
    assert outcome.changed
    assert "begins anew" in outcome["warnings"][0]
    assert run_module(image_history, options)["warnings"] == []


def test_what_cannot_be_written_is_an_error(args, tmp_path):
    (tmp_path / "state").write_text("a file")
    assert run_module(image_history, args(instance(1))).kind == "not_a_directory"
