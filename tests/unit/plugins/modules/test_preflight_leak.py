# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module preflight looks twice before it says that the engine holds a port for nobody."""

from __future__ import annotations

import socket
from unittest import mock

import docker
import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.host import Listener
from ansible_collections.corral.ollama.plugins.module_utils.glue import host_facts
from ansible_collections.corral.ollama.plugins.modules import preflight
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module


@pytest.fixture
def look(monkeypatch, tmp_path):
    """What preflight says where the engine gives these answers and holds its port in these looks."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = min(found.getsockname()[1], 65000)
    engine = FakeEngine(volumes={"ollama_models": str(tmp_path)}, root_dir=str(tmp_path))
    leak = Listener("127.0.0.1", port, "docker-proxy (pid 5)")

    def run(held, answers=None, **args):
        listeners = mock.Mock(side_effect=[(leak,) if one else () for one in held])
        with mock.patch.object(engine, "info", mock.Mock(side_effect=answers, return_value=engine.about)):
            monkeypatch.setattr(host_facts.ports, "listeners", listeners)
            outcome = run_module(preflight, {"base_port": port, "count": 1, "reserve_bytes": 1, **args})
        assert listeners.call_count == len(held)
        return outcome

    monkeypatch.setattr(host_facts, "connect", lambda: engine)
    monkeypatch.setattr(host_facts, "compose_version", lambda: "2.26.1")
    monkeypatch.setattr(host_facts, "_SECOND_LOOK", 0)
    return run


def test_a_port_that_the_engine_still_holds_is_a_leak(look):
    outcome = look([True, True])
    assert outcome.kind == "port_leaked"
    assert "systemctl restart docker" in outcome.msg


def test_a_port_that_it_has_let_go_of_is_none(look):
    assert not look([True, False]).failed


def test_an_engine_that_goes_away_between_the_looks(look):
    """It is as if it had not answered at all: what else is wrong is told with it, and nothing that it said before."""
    answers = [
        {"ServerVersion": "28.2.2", "ID": "ABCD", "DockerRootDir": "/"},
        docker.errors.DockerException("refused"),
    ]
    outcome = look([True, True], answers, reserve_bytes=2**70)
    assert outcome["error"]["kinds"] == ["engine_error", "no_space"]
    assert "The Docker engine failed: refused." in outcome.msg
