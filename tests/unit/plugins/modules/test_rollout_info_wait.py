# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``rollout_info`` waits for a rollout that somebody leads, and no longer than it was told."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import rollout_look
from ansible_collections.corral.ollama.plugins.modules import rollout, rollout_info
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.rolled import TOKEN, Host


@pytest.fixture
def host(tmp_path):
    host = Host(tmp_path)
    host.begun("s-1")
    host.mark("done", "s-1")
    return host


def test_it_sees_what_the_other_has_done(host, monkeypatch):
    def the_other_ends(seconds):
        run_module(rollout, {"path": str(host.path), "state": "ended", "token": TOKEN})

    monkeypatch.setattr(rollout_look.time, "sleep", the_other_ends)
    found = run_module(rollout_info, {"path": str(host.path), "wait": 60})
    assert (found["unfinished"], found["lease"], found["rollout"]["verdict"]) == (False, {}, "done")


def test_it_waits_no_longer(host, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(rollout_look.time, "monotonic", lambda: 100.0 + sum(slept))
    monkeypatch.setattr(rollout_look.time, "sleep", slept.append)
    found = run_module(rollout_info, {"path": str(host.path), "wait": 1.2})
    assert (found["unfinished"], found["lease"]["live"]) == (True, True)
    assert sum(slept) == pytest.approx(1.2)
    slept.clear()
    assert run_module(rollout_info, {"path": str(host.path)})["lease"]["live"] is True
    assert slept == []
