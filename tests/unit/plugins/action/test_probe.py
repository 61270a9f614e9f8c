# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action probe: a look is enough when everything is proven, else it says what asking does, and follows it."""

from __future__ import annotations

from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.action import probe as plugin

FINDING = {"check": "asking", "severity": "note", "message": "Asking s-1 for b:1 pushes out a:1."}
ASKED = {"ok": True, "asked": 1, "changed": False}


@pytest.fixture
def run(monkeypatch):
    def run_action(looked, check=False, **args):
        task = mock.MagicMock(args=args, check_mode=check, async_val=0, no_log=False)
        parts = ("connection", "play_context", "loader", "templar", "shared_loader_obj")
        action = plugin.ActionModule(task=task, **{name: mock.MagicMock() for name in parts})
        modules, printed = [], []

        def execute(module_name, module_args, task_vars):
            modules.append((module_name, module_args))
            return looked

        def follow(_action, module, _vars):
            modules.append((module, None))
            return ASKED

        monkeypatch.setattr(action, "_execute_module", execute)
        monkeypatch.setattr(plugin, "run_with_progress", follow)
        monkeypatch.setattr(plugin.display, "display", printed.append)
        return action.run(task_vars={"inventory_hostname": "gpu-1"}), modules, printed

    return run_action


def test_when_everything_is_proven_a_look_is_all(run):
    looked = {"ok": True, "asked": 0, "to_ask": [], "changed": False}
    result, modules, printed = run(looked, deep=False)
    assert (result["ok"], printed) == (True, [])
    assert modules == [(plugin.MODULE, {"deep": False, "ask": False, "on_failure": "report"})]


def test_what_asking_does_is_said_before(run):
    result, modules, printed = run({"ok": True, "to_ask": [{"server": "s-1", "model": "b:1"}], "findings": [FINDING]})
    assert result["asked"] == 1
    assert [args for _module, args in modules] == [{"ask": False, "on_failure": "report"}, None]
    assert printed == ["gpu-1: Asking s-1 for b:1 pushes out a:1."]


@pytest.mark.parametrize(("on_failure", "runs"), [("report", 1), ("fail", 2)])
def test_a_problem_fails_as_the_module_does(run, on_failure, runs):
    _result, modules, _printed = run({"ok": False, "to_ask": []}, on_failure=on_failure)
    assert len(modules) == runs


def test_a_look_that_fails_is_the_result(run):
    result, modules, _printed = run({"failed": True, "msg": "no requests"})
    assert (result["failed"], result["msg"], len(modules)) == (True, "no requests", 1)


def test_a_check_is_one_look(run):
    result, modules, _printed = run({}, check=True)
    assert (result["asked"], modules) == (1, [(plugin.MODULE, None)])
