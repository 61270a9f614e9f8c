# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module instance_info on a fake engine."""

from __future__ import annotations

import docker
import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.modules import instance_info
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module


@pytest.mark.parametrize("check", [False, True])
def test_the_instances_of_a_project(monkeypatch, check):
    engine = FakeEngine(container("f-ollama-server-1", 11434, project="f", service="ollama-server-1"), container("web"))
    monkeypatch.setattr(instance_info, "connect", lambda timeout: engine)
    outcome = run_module(instance_info, {"project": "f"}, check=check)
    assert (outcome.failed, outcome.changed, outcome["project"]) == (False, False, "f")
    assert [entry["container"] for entry in outcome["instances"]] == ["f-ollama-server-1"]
    assert run_module(instance_info, {"project": "other"}, check=check)["instances"] == []


def test_without_an_engine(monkeypatch):
    def refuse(timeout):
        raise CorralError("This host has no Docker engine.", kind="engine_missing", remedy="Install one.")

    monkeypatch.setattr(instance_info, "connect", refuse)
    outcome = run_module(instance_info, {})
    assert (outcome.kind, outcome.msg) == ("engine_missing", "This host has no Docker engine. Install one.")


def test_an_engine_that_fails(monkeypatch):
    engine = FakeEngine()

    def fail(**_options):
        raise docker.errors.APIError("boom")

    engine.containers = fail
    monkeypatch.setattr(instance_info, "connect", lambda timeout: engine)
    assert run_module(instance_info, {}).kind == "engine_error"
