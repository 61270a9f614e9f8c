# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module preflight tells of a rollout that was interrupted, so that an idle run needs no further question."""

from __future__ import annotations

import socket

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import host_facts
from ansible_collections.corral.ollama.plugins.modules import preflight, rollout
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.rolled import Host


@pytest.fixture
def look(monkeypatch, tmp_path):
    """What preflight says about a rollout, on a host with a fake engine."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = min(found.getsockname()[1], 65000)
    monkeypatch.setattr(host_facts, "connect", lambda: FakeEngine(root_dir=str(tmp_path)))
    monkeypatch.setattr(host_facts, "compose_version", lambda: "2.26.1")
    return lambda path: run_module(
        preflight, {"base_port": port, "count": 1, "reserve_bytes": 1, "rollout_path": path and str(path)}
    )


def test_what_there_is_to_finish(look, tmp_path):
    host, finished = Host(tmp_path), {"unfinished": False, "in_doubt": []}
    assert look(None)["host"]["rollout"] == look(host.path)["host"]["rollout"] == finished
    assert not host.path.exists()
    host.begun("s-1", "s-2")
    assert look(host.path)["host"]["rollout"] == {"unfinished": True, "in_doubt": []}
    host.mark("drained", "s-2")
    assert look(host.path)["host"]["rollout"] == {"unfinished": True, "in_doubt": ["s-2"]}
    host.mark("done", "s-1", "s-2")
    assert not run_module(rollout, host.end()).failed
    assert look(host.path)["host"]["rollout"] == finished


def test_a_record_that_cannot_be_read_is_in_the_way(look, tmp_path):
    host = Host(tmp_path)
    host.begun("s-1")
    (host.path / "rollout.json").write_text("{")
    assert look(host.path).kind == "bad_rollout"
