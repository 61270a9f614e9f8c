# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files on the controller: whole or not there, and no surprise at the end of a long run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.plugin_utils import artifacts
from ansible_collections.corral.ollama.plugins.plugin_utils.artifacts import Unwritable, check_writable, write_report


def test_checking_leaves_nothing_behind(tmp_path):
    check_writable(str(tmp_path / "new" / "artifacts"))
    check_writable(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_report_is_written_and_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert write_report("new/artifacts", {"ok": True}) == str(tmp_path / "new" / "artifacts" / "fleet.json")
    path = write_report("new/artifacts", {"ok": False, "sign": "✗"})
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {"ok": False, "sign": "✗"}
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path / "new" / "artifacts") == ["fleet.json"]


def test_a_failed_write_keeps_the_old_report(tmp_path, monkeypatch):
    path = write_report(str(tmp_path), {"ok": True})

    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts.os, "replace", full)
    with pytest.raises(Unwritable, match="No space left on device"):
        write_report(str(tmp_path), {"ok": False})
    with open(path, encoding="utf-8") as file:
        assert json.load(file) == {"ok": True}
    assert os.listdir(tmp_path) == ["fleet.json"]


@pytest.mark.parametrize("act", [check_writable, lambda directory: write_report(directory, {})])
@pytest.mark.parametrize("where", ["file", "file/below", "folder"])
def test_a_directory_that_cannot_be_written(tmp_path, act, where):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder" / "fleet.json").mkdir(parents=True)
    with pytest.raises(Unwritable, match=r"artifacts directory .* on the controller cannot be written") as raised:
        act(str(tmp_path / where))
    assert raised.value.kind == "artifacts_unwritable"
    assert "corral_artifacts_dir" in raised.value.remedy


def test_a_full_disk_is_seen_by_the_check(tmp_path, monkeypatch):
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(artifacts.tempfile, "TemporaryFile", lambda **_options: full)
        with pytest.raises(Unwritable, match="No space left on device"):
            check_writable(str(tmp_path))
