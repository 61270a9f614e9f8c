# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance may use, read from an engine on a wire."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.memory_room import Room
from ansible_collections.corral.ollama.plugins.module_utils.engine.limits import limits
from ansible_collections.corral.ollama.plugins.module_utils.glue import server_room
from ansible_collections.corral.ollama.tests.unit.logged import Engine, entry, logging
from ansible_collections.corral.ollama.tests.unit.scripted_server import ok

NAME = "f-ollama-server-1"
GPU = 'msg="inference compute" id=GPU-1 library=CUDA total="8.0 GiB"'
LOG = [entry("Listening on [::]:11434"), entry(GPU), entry("msg=other"), entry(GPU.replace("GPU-1", "GPU-2"))]


def instance(**more):
    found = logging(NAME, project="f", service="ollama-server-1", Status="running", **more)
    found["Config"]["Env"] = ["OLLAMA_MAX_LOADED_MODELS=2", "EMPTY=", "odd"]
    found["HostConfig"].update(Memory=7 * 2**30, DeviceRequests=[{"Count": 0, "DeviceIDs": ["0"]}])
    return found


def test_environment_memory_gpus_and_what_the_server_says():
    with Engine(instance(), logging("f-gateway", project="f", service="gateway"), logs={NAME: LOG}) as engine:
        (found,) = limits(engine.api(), "f")
    assert (found.name, found.memory, found.gpus) == ("ollama-server-1", 7 * 2**30, ("0",))
    assert found.environment == {"OLLAMA_MAX_LOADED_MODELS": "2", "EMPTY": ""}
    assert [one.id for one in found.devices] == ["GPU-1"], "they are named in one go, and the rest of a log is long"


def test_a_log_that_cannot_be_read_tells_of_no_device():
    refused = replace(ok({"message": "configured logging driver does not support reading"}), status=500)
    with Engine(instance(), logs={NAME: refused}) as engine:
        (found,) = limits(engine.api(), "f")
    assert found.devices == ()


def test_one_that_was_never_started_tells_of_no_device():
    with Engine(instance(StartedAt="0001-01-01T00:00:00Z")) as engine:
        (found,) = limits(engine.api(), "f")
    assert (found.devices, engine.asked) == ((), [])


def test_the_log_is_read_from_the_last_start_on():
    with Engine(instance(), logs={NAME: LOG}) as engine:
        limits(engine.api(), "f")
    assert engine.asked[0]["since"] == "1795298400"


def test_rooms_of_a_project(monkeypatch):
    with Engine(instance(), logs={NAME: LOG}) as engine:
        monkeypatch.setattr(server_room, "connect", engine.api)
        assert server_room.rooms("f", 5.0) == ({"ollama-server-1": Room(2, 8 * 2**30, True)}, "")
        assert server_room.rooms("g", 5.0) == ({}, "")
        assert server_room.rooms("", 5.0) == ({}, "")


def test_without_an_engine_nothing_is_known(monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    found, why = server_room.rooms("f", 1.0)
    assert found == {}
    assert why.startswith("How much the instances can keep in memory is not known: ")


@pytest.mark.parametrize("answer", [-1, None, "7g"])
def test_a_limit_that_is_none(answer):
    found = instance()
    found["HostConfig"]["Memory"] = answer
    with Engine(found) as engine:
        assert limits(engine.api(), "f")[0].memory == 0
