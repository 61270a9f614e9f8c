# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action migration_report: the figures per old store, what is printed, written and handed to workflows."""

from __future__ import annotations

import json
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.action import migration_report as plugin

GB = 10**9
MERGE = {
    "space": {
        "before_bytes": 16 * GB,
        "after_bytes": 2 * GB,
        "saved_bytes": 14 * GB,
        "percent": 1,
        "linked_bytes": 2 * GB,
        "copied_bytes": 0,
    },
    "per_source": [{"name": f"old-{n}", "before_bytes": 2 * GB, "after_bytes": GB // 4} for n in range(8)],
    "models": [{"name": "mistral:7b"}],
    "conflicts": [
        {
            "name": "mistral:7b",
            "policy": "newest",
            "chosen": {"source": "old-3", "digest": "6591e0a9" * 8},
            "candidates": [{"digest": "6591e0a9" * 8}, {"digest": "aaaabbbb" * 8}],
        }
    ],
    "lacking": [
        {"name": "llava:7b", "reason": "aaaa in old-1 hashes to bbbb", "declared": True},
        {"name": "acme/tune:1", "reason": "no blob", "declared": False},
    ],
}
GOOD = {"phase": "verified", "store": {"volume": "ollama_models"}, "merge": MERGE}


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


def test_the_figures_of_each_old_store_and_of_all(run, tmp_path):
    result, printed = run({"host1": GOOD, "host2": GOOD})
    assert (result.get("failed"), result["changed"], result["ok"]) == (None, False, True)
    entry = result["report"]["hosts"][0]
    assert entry["sources"][0] == {
        "name": "old-0",
        "before_bytes": 2 * GB,
        "after_bytes": GB // 4,
        "saved_bytes": 7 * GB // 4,
        "percent": 87.5,
    }
    summary = result["report"]["summary"]
    assert (summary["hosts"], summary["sources"], summary["saved_bytes"], summary["percent"]) == (2, 16, 28 * GB, 87.5)
    for text in ("32.0 GB before, 4.0 GB after, 28.0 GB saved (87.5 %), 0 B\ncopied", "host2 (verified)", "87.5 %"):
        assert text in printed
    assert "mistral:7b (newest): 6591e0a of old-3, not aaaabbb" in printed
    assert "↓ llava:7b is pulled anew: aaaa" in printed
    assert "✗ acme/tune:1 stays behind" in printed
    assert ["shared", "store", "2.0", "GB"] in [line.split() for line in printed.splitlines()]
    assert json.loads((tmp_path / "artifacts" / "migration.json").read_text()) == result["report"]
    stats = result["ansible_stats"]
    assert (stats["per_host"], stats["data"]["corral_migration"]["phases"]) == (False, ["verified"])
    assert stats["data"]["corral_migration"]["copied_bytes"] == 0


def test_no_line_is_longer_than_it_may_be(run):
    long = {**MERGE, "per_source": [{"name": "n" * 300, "before_bytes": 1, "after_bytes": 0}]}
    _result, printed = run({"h" * 300: {"phase": "verified", "merge": long}}, width=80)
    assert max(map(len, printed.splitlines())) <= 80


def test_a_host_that_failed_is_named(run):
    result, printed = run({"host1": GOOD, "host2": {}, "host3": {"phase": "started", "merge": {}}})
    assert (result.get("failed"), result["ok"], result["ansible_stats"]["data"]["corral_migration"]["problems"]) == (
        None,
        False,
        2,
    )
    assert "✗ host2: it was not migrated" in printed


def test_check_mode_says_that_it_is_a_plan_and_writes_nothing(run, tmp_path):
    result, printed = run({"host1": GOOD}, check=True)
    assert (result["path"], result["report"]["predicted"]) == ("", True)
    assert "as a run would do it" in printed
    assert not (tmp_path / "artifacts").exists()


def test_nothing_at_all_is_no_division_by_zero(run):
    empty = {
        "space": dict.fromkeys(MERGE["space"], 0),
        "per_source": [{"name": "a", "before_bytes": 0, "after_bytes": 0}],
    }
    result, printed = run({"host1": {"merge": empty}})
    assert result["report"]["summary"]["percent"] == 0.0
    assert "0.0 %" in printed


def test_many_remarks_are_cut_and_counted(run):
    many = {**MERGE, "lacking": [{"name": f"m{n}", "reason": "gone"} for n in range(50)]}
    _result, printed = run({"host1": {"phase": "verified", "merge": many}})
    assert "… and 30 more, in migration.json" in printed
    assert "m49" not in printed


def test_a_directory_that_cannot_be_written_is_said(run, tmp_path):
    (tmp_path / "artifacts").write_text("a file")
    assert run({"host1": GOOD})[0]["error"]["kind"] == "artifacts_unwritable"


def test_it_runs_once_and_connects_to_nothing():
    assert plugin.ActionModule.BYPASS_HOST_LOOP
    assert not plugin.ActionModule._requires_connection
