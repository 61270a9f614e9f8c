# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action drift_report: what is printed, written and handed to workflows."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.action import drift_report as plugin
from ansible_collections.corral.ollama.tests.unit.locks import lock, locked, row, server

M = "mistral:7b"
LOCK = lock(locked(M, "1")).as_dict()


def host(digest, remote="1", served="ab"):
    found = row(M, digest, remote=remote, served=served)
    return {"declared": [M], "models": [found], "servers": [server("s1", mistral_7b=digest)]}


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


def test_no_drift(run, tmp_path):
    result, printed = run({"gpu1": host("1")}, lock=LOCK)
    assert (result.get("failed"), result["changed"], result["ok"]) == (None, False, True)
    assert result["table"] == printed
    path = tmp_path / "artifacts" / "drift.json"
    assert result["path"] == str(path)
    assert json.loads(path.read_text())["rows"][0]["verdict"] == "ok"
    stats = result["ansible_stats"]
    assert (stats["per_host"], stats["aggregate"], stats["data"]["corral_drift"]["locked"]) == (False, True, True)


def test_an_outdated_model_is_no_failure(run):
    result, printed = run({"gpu1": host("1", remote="2", served="ac")}, lock=LOCK)
    assert (result.get("failed"), result["ok"]) == (None, True)
    assert result["ansible_stats"]["data"]["corral_drift"]["outdated_models"] == [M]
    assert "100 B" in printed


def test_drift_is_printed_and_written_before_it_fails(run, tmp_path):
    result, printed = run({"gpu1": host("1"), "gpu2": host("2")}, lock=LOCK)
    assert (result["failed"], result["ok"], result["error"]["kind"]) == (True, False, "drift")
    assert result["msg"].startswith("The fleet has drifted, 1 problem: (1) gpu2: mistral:7b: the store has 2222")
    assert "✗ gpu2" in printed
    assert json.loads((tmp_path / "artifacts" / "drift.json").read_text())["ok"] is False
    assert "report" not in result


def test_a_report_only(run):
    result, _printed = run({"gpu1": host("2")}, lock=LOCK, fail=False)
    assert (result.get("failed"), result["ok"], result["report"]["summary"]["differs"]) == (None, False, 1)


def test_without_a_lock_hosts_are_compared_with_each_other(run):
    assert run({"gpu1": host("1"), "gpu2": host("1")})[0]["ok"] is True
    assert run({"gpu1": host("1"), "gpu2": host("2", remote="2")})[0]["error"]["kind"] == "drift"


def test_check_mode_writes_nothing(run, tmp_path):
    result, printed = run({"gpu1": host("1")}, check=True, lock=LOCK)
    assert (result["path"], result["ok"], M in printed) == ("", True, True)
    assert not (tmp_path / "artifacts").exists()


def test_what_cannot_be_used_is_an_error(run, tmp_path):
    assert run({"gpu1": host("1")}, lock={"schema": 9})[0]["error"]["kind"] == "bad_lock"
    (tmp_path / "artifacts").write_text("a file")
    assert run({"gpu1": host("1")}, lock=LOCK)[0]["error"]["kind"] == "artifacts_unwritable"


def test_it_runs_once_and_connects_to_nothing():
    assert plugin.ActionModule.BYPASS_HOST_LOOP
    assert not plugin.ActionModule._requires_connection
