# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action fleet_report: what is printed, written and handed to workflows."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.action import fleet_report as plugin

GOOD = {
    "results": [
        {
            "server": "ollama-server-1",
            "url": "http://127.0.0.1:11434",
            "ok": True,
            "version": "0.32.15",
            "problem": "",
            "models": [
                {"name": "mistral:7b", "digest": "6591e0a9" * 8, "listed": True, "answered": True, "asked": True}
            ],
        }
    ]
}


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


def test_a_fleet_that_is_well(run, tmp_path):
    result, printed = run({"host1": GOOD})
    assert (result.get("failed"), result["changed"], result["ok"]) == (None, False, True)
    assert "6591e0a ✓✓" in printed
    assert result["table"] == printed
    path = tmp_path / "artifacts" / "fleet.json"
    assert result["path"] == str(path)
    assert json.loads(path.read_text())["instances"][0]["models"][0]["answered"] is True
    stats = result["ansible_stats"]
    assert (stats["per_host"], stats["aggregate"], stats["data"]["corral_fleet"]["instances"]) == (False, True, 1)


def test_the_page_lies_beside_the_report_and_tells_what_changed(run, tmp_path):
    page, report = tmp_path / "artifacts" / "fleet.html", tmp_path / "artifacts" / "fleet.json"
    result, _printed = run({"host1": GOOD})
    assert result["page"] == str(page)
    assert (page.stat().st_mode & 0o777, report.stat().st_mode & 0o777) == (0o644, 0o644)
    assert "There is no earlier report to compare with." in page.read_text(encoding="utf-8")
    assert "changes" not in json.loads(report.read_text())
    run({"host1": GOOD, "host2": {}}, fail=False)
    assert "<strong>new problem: </strong><bdi>host2: it was not verified" in page.read_text(encoding="utf-8")
    assert len(json.loads(report.read_text())["changes"]["problems_new"]) == 1
    assert sorted(path.name for path in report.parent.iterdir()) == ["fleet.html", "fleet.json"]


@pytest.mark.parametrize("left", ["", "[]", "{}", "half a {", '{"schema": 1, "instances": 3}', "[" * 100_000])
def test_whatever_lies_where_the_report_belongs_the_new_one_is_written(run, tmp_path, left):
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "fleet.json").write_text(left)
    result, _printed = run({"host1": GOOD})
    assert result["ok"] is True
    assert json.loads((tmp_path / "artifacts" / "fleet.json").read_text())["ok"] is True


def test_a_run_that_is_killed_between_page_and_report_leaves_what_changed_for_the_next(run, tmp_path):
    def killed(*_args):
        raise KeyboardInterrupt

    run({"host1": GOOD})
    with mock.patch.object(plugin, "write_report", killed), pytest.raises(KeyboardInterrupt):
        run({"host1": {}}, fail=False)
    page = tmp_path / "artifacts" / "fleet.html"
    assert "new problem" in page.read_text(encoding="utf-8")
    run({"host1": {}}, fail=False)
    assert "new problem" in page.read_text(encoding="utf-8")


def test_half_a_character_from_a_server_is_written_as_what_it_is(run, tmp_path):
    odd = {"results": [{**GOOD["results"][0], "version": "\ud800"}]}
    run({"host1": odd})
    assert json.loads((tmp_path / "artifacts" / "fleet.json").read_bytes())["instances"][0]["version"] == "\ud800"
    assert "\\ud800" in (tmp_path / "artifacts" / "fleet.html").read_text(encoding="utf-8")


def test_one_that_is_not_is_printed_and_written_before_it_fails(run, tmp_path):
    result, printed = run({"host1": GOOD, "host2": {}})
    assert (result["failed"], result["ok"], result["error"]["kind"]) == (True, False, "fleet_not_ok")
    assert result["msg"].startswith("The fleet is not as declared, 1 problem: (1) host2: it was not verified")
    assert "✗ host2: it was not verified" in printed
    assert json.loads((tmp_path / "artifacts" / "fleet.json").read_text())["ok"] is False
    assert "report" not in result


def test_a_report_only(run):
    result, _printed = run({}, fail=False)
    assert (result.get("failed"), result["ok"], result["report"]["summary"]["problems"]) == (None, False, 1)


def test_check_mode_writes_nothing(run, tmp_path):
    result, printed = run({"host1": GOOD}, check=True)
    assert (result["path"], result["page"], result["ok"]) == ("", "", True)
    assert "mistral:7b" in printed
    assert not (tmp_path / "artifacts").exists()


def test_check_mode_leaves_the_report_and_the_page_as_they_are(run, tmp_path):
    run({"host1": GOOD})
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "artifacts").iterdir()}
    result, _printed = run({"host1": {}}, check=True, fail=False)
    assert len(result["report"]["changes"]["problems_new"]) == 1
    now = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (tmp_path / "artifacts").iterdir()}
    assert now == before


@pytest.mark.parametrize("name", ["fleet.json", "fleet.html"])
def test_the_early_check_looks_at_both(run, tmp_path, name):
    (tmp_path / "artifacts" / name).mkdir(parents=True)
    result, _printed = run({}, check_only=True)
    assert (result["failed"], result["error"]["kind"]) == (True, "artifacts_unwritable")
    assert f"{name} is a directory" in result["msg"]


def test_the_early_check_prints_nothing_and_fails_early(run, tmp_path):
    assert run({}, check_only=True) == ({"changed": False, "ok": True}, "")
    assert not (tmp_path / "artifacts").exists()
    (tmp_path / "artifacts").write_text("a file")
    result, _printed = run({}, check_only=True)
    assert (result["failed"], result["error"]["kind"]) == (True, "artifacts_unwritable")
    assert run({"host1": GOOD})[0]["error"]["kind"] == "artifacts_unwritable"


def test_it_runs_once_and_connects_to_nothing():
    assert plugin.ActionModule.BYPASS_HOST_LOOP
    assert not plugin.ActionModule._requires_connection
