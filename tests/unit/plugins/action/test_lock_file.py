# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action lock_file: what is written, what is shown, and what is left alone."""

from __future__ import annotations

import json
import os
from unittest import mock

import pytest
import yaml
from ansible_collections.corral.ollama.plugins.action import lock_file as plugin
from ansible_collections.corral.ollama.plugins.module_utils.core.lockfile import parse_lock, render_lock
from ansible_collections.corral.ollama.tests.unit.locks import lock, locked, row

M = "mistral:7b"
HOSTS = {"gpu1": {"declared": [M], "models": [row(M, "1")]}}
SERVED = [row(M, remote="2", served="acd")]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fleet" / "corral.lock.yml"


@pytest.fixture
def run(path, monkeypatch):
    """Run the action; returns its result and what it printed."""

    def run_action(hosts=None, check=False, variables=None, **args):
        task = mock.MagicMock(args={"hosts": HOSTS if hosts is None else hosts, "path": str(path), **args})
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
        return action.run(task_vars=variables or {}), "\n".join(printed)

    return run_action


def on_disk(path):
    return parse_lock(yaml.safe_load(path.read_text()), "x")


def test_create_in_check_mode_for_real_and_again(run, path):
    predicted, shown = run(check=True)
    assert not path.exists()
    result, printed = run()
    assert (predicted, shown) == (result, printed)
    assert (result["changed"], result["path"], result.get("failed")) == (True, str(path), None)
    assert result["changes"] == [{"name": M, "before": "", "after": "1" * 64, "new_bytes": 200}]
    assert printed == f"The lock {path}:\n  + mistral:7b 111111111111 (200 B)"
    assert on_disk(path) == lock(locked(M, "1"))
    assert result["diff"]["before"] == ""
    assert result["diff"]["after"] == path.read_text()
    before = os.stat(path)
    for check in (False, True):
        result, printed = run(check=check)
        assert (result["changed"], result["changes"], result["diff"], printed) == (False, [], {}, "")
    assert os.stat(path) == before


def test_a_pin_stays_when_stores_and_registry_move_on(run, path):
    run()
    text = path.read_text()
    moved = {"gpu1": {"declared": [M], "models": [row(M, "3")]}}
    result, printed = run(moved, registry=SERVED)
    assert (result["changed"], printed, path.read_text()) == (False, "", text)
    assert "stays pinned to 111111111111" in result["warnings"][0]


def test_refresh_on_purpose(run, path):
    run()
    predicted, _shown = run(registry=SERVED, refresh=True, check=True)
    result, printed = run(registry=SERVED, refresh=True)
    assert predicted == result
    assert f"  ~ {M} 111111111111 → 222222222222 (300 B, 200 B of it in new layers)" in printed
    assert on_disk(path) == lock(locked(M, "2", "acd"))
    assert run(registry=SERVED, refresh=True)[0]["changed"] is False


def test_a_pin_goes_when_nobody_declares_it_and_that_is_asked_for(run, path):
    path.parent.mkdir()
    path.write_text(render_lock(lock(locked(M, "1"), locked("old:1", "5"))))
    assert run()[0]["changed"] is False
    for check in (True, False):
        result, printed = run(prune=True, check=check)
        assert (result["changed"], "- old:1 555555555555" in printed) == (True, True)
    assert on_disk(path) == lock(locked(M, "1"))
    assert run(prune=True)[0]["changed"] is False


def test_what_the_registry_has_to_be_asked(run, path):
    bare = {"gpu1": {"declared": [M], "models": [row(M)]}}
    result, _printed = run(bare, plan_only=True)
    assert result == {
        "changed": False,
        "path": str(path),
        "to_ask": [{"name": "registry.ollama.ai/library/mistral:7b", "insecure": False}],
    }
    result, _printed = run(bare)
    assert (result["failed"], result["error"]["kind"]) == (True, "model_not_locked")
    assert M in result["msg"]
    assert not path.exists()
    assert run(bare, registry=SERVED)[0]["changed"] is True


def test_hosts_that_disagree_write_nothing(run, path):
    hosts = {**HOSTS, "gpu2": {"declared": [M], "models": [row(M, "2")]}}
    result, printed = run(hosts)
    assert (result["failed"], result["error"]["kind"], printed) == (True, "hosts_disagree", "")
    assert not path.exists()


@pytest.mark.parametrize("options", [{}, {"refresh": True, "registry": SERVED}])
def test_a_broken_lock_is_not_overwritten(run, path, options):
    path.parent.mkdir()
    path.write_text("schema: 9\n")
    result, _printed = run(**options)
    assert (result["failed"], result["error"]["kind"]) == (True, "bad_lock")
    assert path.read_text() == "schema: 9\n"


def test_a_file_that_cannot_be_written_says_where_else(run, path):
    path.parent.write_text("a file, not a folder")
    result, _printed = run()
    assert (result["failed"], result["error"]["kind"]) == (True, "bad_lock")
    result, _printed = run(path="/proc/corral.lock.yml")
    assert (result["failed"], result["error"]["kind"]) == (True, "lock_unwritable")
    assert "corral_lock_file" in result["msg"]


def test_a_failed_write_leaves_the_old_lock_and_nothing_else(run, path, monkeypatch):
    run()
    text = path.read_text()
    monkeypatch.setattr(os, "replace", mock.Mock(side_effect=OSError(28, "No space left on device")))
    result, _printed = run(registry=SERVED, refresh=True)
    assert "No space left on device" in result["msg"]
    assert path.read_text() == text
    assert os.listdir(path.parent) == [path.name]


def test_without_a_path_it_is_the_file_that_the_roles_read(run, tmp_path):
    (tmp_path / "hosts.yml").write_text("all:")
    variables = {"inventory_dir": str(tmp_path), "ansible_inventory_sources": [str(tmp_path / "hosts.yml")]}
    assert run(path="", variables=variables)[0]["path"] == str(tmp_path / "corral.lock.yml")


def test_the_result_is_plain_json(run):
    json.dumps(run()[0])


def test_it_runs_once_and_connects_to_nothing():
    assert plugin.ActionModule.BYPASS_HOST_LOOP
    assert not plugin.ActionModule._requires_connection
