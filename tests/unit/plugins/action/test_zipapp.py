# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action zipapp: what it hands to copy, and what of it is shown."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from unittest import mock

import pytest
from ansible.plugins import loader
from ansible_collections.corral.ollama.plugins.action import zipapp as plugin
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.plugin_utils.zipapp import zipapp


class Copy:
    """ansible.builtin.copy, as far as it matters here; the host is a dictionary of files."""

    def __init__(self):
        self.host, self.tasks = {}, []

    def get(self, name, task, **_more):
        assert name == "ansible.legacy.copy"
        self.tasks.append(task)
        return SimpleNamespace(run=lambda task_vars: self.run(task))

    def run(self, task):
        with open(task.args["src"], "rb") as file:
            data = file.read()
        changed = self.host.get(task.args["dest"]) != data
        if not task.check_mode:
            self.host[task.args["dest"]] = data
        diff = [{"before": "old", "after": data}] if task.diff else []
        return {"changed": changed, "diff": diff, "src": task.args["src"], "checksum": "x"}


@pytest.fixture
def copy():
    return Copy()


@pytest.fixture
def run(copy, monkeypatch):
    monkeypatch.setattr(loader.action_loader, "get", copy.get)

    def run_action(check=False, **args):
        task = mock.MagicMock(args={"dest": "/opt/x.pyz", **args})
        task.check_mode, task.async_val, task.diff = check, 0, True
        task.copy.side_effect = lambda: SimpleNamespace(args=task.args, check_mode=check, diff=True)
        action = plugin.ActionModule(
            task=task,
            connection=mock.MagicMock(),
            play_context=mock.MagicMock(check_mode=check),
            loader=mock.MagicMock(),
            templar=mock.MagicMock(),
            shared_loader_obj=loader,
        )
        return action.run(task_vars={})

    return run_action


def test_create_in_check_mode_for_real_and_again(run, copy):
    predicted = run(check=True)
    assert copy.host == {}
    result = run()
    assert predicted == result
    data, names = zipapp("exporter")
    assert copy.host == {"/opt/x.pyz": data}
    assert (result["changed"], result["size"], result["files"]) == (True, len(data), list(names))
    assert result["sha256"] == hashlib.sha256(data).hexdigest()
    for check in (False, True):
        again = run(check=check)
        assert (again["changed"], "diff" in again) == (False, False)


def test_the_content_is_not_shown(run, copy):
    result = run()
    assert result["diff"] == {"prepared": f"/opt/x.pyz: {len(result['files'])} files, {result['size']} bytes\n"}
    assert copy.tasks[0].diff is False
    assert "src" not in result


def test_who_owns_it_and_who_may_read_it_is_as_asked(run, copy):
    run(mode="0600", owner="me", group="us")
    assert {key: copy.tasks[0].args[key] for key in ("mode", "owner", "group")} == {
        "mode": "0600",
        "owner": "me",
        "group": "us",
    }


def test_a_failure_of_copy_is_its_own(run, copy):
    copy.run = lambda _task: {"failed": True, "msg": "no such folder"}
    assert run() == {"failed": True, "msg": "no such folder"}


def test_what_cannot_be_built_is_said(run, monkeypatch):
    monkeypatch.setattr(plugin, "zipapp", mock.Mock(side_effect=CorralError("damaged", kind="bad_collection")))
    result = run()
    assert (result["failed"], result["error"]["kind"]) == (True, "bad_collection")
