# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action plan_report: what is printed, written and handed to workflows."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.action import plan_report as plugin
from ansible_collections.corral.ollama.tests.unit.planned import INVENTORIES


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the action; returns its result and what it printed."""

    def run_action(about, check=False, **args):
        task = mock.MagicMock(args={"hosts": INVENTORIES[about], "artifacts_dir": str(tmp_path / "artifacts"), **args})
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


def test_a_plan_is_printed_and_written(run, tmp_path):
    result, printed = run("kinds")
    assert (result.get("failed"), result["changed"], result["ok"]) == (None, False, True)
    assert result["table"] == printed
    path = tmp_path / "artifacts" / "plan.json"
    assert (result["path"], json.loads(path.read_text())) == (str(path), result["plan"])
    assert result["ansible_stats"]["data"]["corral_plan"]["instances"] == 11


def test_a_check_writes_nothing(run, tmp_path):
    result, printed = run("one host", check=True)
    assert (result["path"], result["ok"], "ollama-server-2" in printed) == ("", True, True)
    assert not (tmp_path / "artifacts").exists()


def test_what_cannot_be_deployed_fails_after_it_was_shown(run, tmp_path):
    result, printed = run("wrong")
    assert (result["failed"], result["error"]["kind"], result["error"]["problems"][0][:4]) == (True, "bad_plan", "h1: ")
    assert result["msg"].startswith("The inventory cannot be deployed as it is, 9 problems: (1) h1: ")
    assert "✗ h1" in printed
    assert (tmp_path / "artifacts" / "plan.json").exists()
    assert run("wrong", fail=False)[0]["ok"] is False


def test_a_folder_that_cannot_be_written(run, tmp_path):
    (tmp_path / "artifacts").write_text("a file")
    assert run("one host")[0]["error"]["kind"] == "artifacts_unwritable"
