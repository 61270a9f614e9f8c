# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action load_report: what is printed, written and handed to workflows."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.action import load_report as plugin
from ansible_collections.corral.ollama.tests.unit import loaded


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the action; returns its result and what it printed."""

    def run_action(hosts, check=False, **args):
        task = mock.MagicMock(args={"hosts": hosts, "artifacts_dir": str(tmp_path / "artifacts"), **args})
        task.check_mode, task.async_val, task.diff = check, 0, False
        action = plugin.ActionModule(
            task=task,
            connection=mock.MagicMock(),
            play_context=mock.MagicMock(check_mode=check),
            loader=mock.MagicMock(),
            templar=mock.MagicMock(),
            shared_loader_obj=mock.MagicMock(),
        )
        printed = []
        monkeypatch.setattr(plugin.display, "display", lambda text, *_more, **_options: printed.append(text))
        return action.run(task_vars={}), "\n".join(printed)

    return run_action


def test_a_test_that_ended_well(run, tmp_path):
    result, printed = run({"gpu-1": loaded.well()})
    assert (result.get("failed"), result["changed"], result["ok"], result["problems"]) == (None, False, True, [])
    assert result["table"] == printed
    assert json.loads((tmp_path / "artifacts" / "load.json").read_text())["summary"]["requests"] == 110
    assert "<svg" in (tmp_path / "artifacts" / "load.html").read_text(encoding="utf-8")
    stats = result["ansible_stats"]
    assert (stats["per_host"], stats["aggregate"], stats["data"]["corral_load"]["requests"]) == (False, True, 110)
    assert len(json.dumps(stats)) < 1000


def test_one_that_did_not_is_printed_and_written_before_it_fails(run, tmp_path):
    result, printed = run({"gpu-1": loaded.masked()})
    assert (result["failed"], result["ok"], result["error"]["kind"]) == (True, False, "load_not_ok")
    assert result["msg"].startswith(
        "The load test did not end well, 4 problems: (1) gpu-1: masked: 404 (model or route"
    )
    assert "✗ gpu-1: masked: 404" in printed
    assert json.loads((tmp_path / "artifacts" / "load.json").read_text())["ok"] is False


def test_what_is_allowed(run):
    result, _printed = run({"gpu-1": loaded.masked()}, fail_on_masked=False)
    assert (result["ok"], result["summary"]["masked"]) == (True, 85_393)
    result, _printed = run({"gpu-1": {**loaded.well(), "load": loaded.failing()}}, max_error_ratio=0.6)
    assert result["ok"]


def test_a_report_only(run):
    result, _printed = run({}, fail=False)
    assert (result.get("failed"), result["ok"], result["problems"]) == (None, False, ["No host was tested."])


def test_check_mode_writes_nothing(run, tmp_path):
    result, printed = run({"gpu-1": loaded.well()}, check=True)
    assert (result["path"], result["page"], result["ok"]) == ("", "", True)
    assert "mistral:7b" in printed
    assert not (tmp_path / "artifacts").exists()


def test_it_can_be_written_or_says_so_early(run, tmp_path):
    assert run({}, check_only=True)[0] == {"changed": False, "ok": True}
    (tmp_path / "artifacts" / "load.html").mkdir(parents=True)
    result, _printed = run({}, check_only=True)
    assert (result["failed"], result["error"]["kind"]) == (True, "artifacts_unwritable")
