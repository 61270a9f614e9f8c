# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module gpu_check on a fake engine: what the container is given, what it has to see, when it is asked again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from ansible_collections.corral.ollama.plugins.module_utils.core.gpus import nvidia_gpus
from ansible_collections.corral.ollama.plugins.module_utils.glue import gpu_check as glue
from ansible_collections.corral.ollama.plugins.modules import gpu_check
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.image_engine import ImageEngine, refusal
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module

FIXTURES = Path(__file__).parents[2] / "fixtures" / "gpus"
LIST = (FIXTURES / "h100x4" / "list").read_text()
HOST = [one.as_dict() for one in nvidia_gpus((FIXTURES / "h100x4" / "query").read_text())[0]]
AMD = [{"index": str(number), "node": f"renderD{128 + number}", "memory": 1} for number in range(2)]
IMAGE = "ollama/ollama:0.32.15"


@pytest.fixture
def args(tmp_path):
    path = str(tmp_path / "state" / "gpus.json")
    return {"image": IMAGE, "gpus": ["0", "1"], "host_gpus": HOST, "driver": "550", "memory_path": path}


@pytest.fixture
def on(monkeypatch):
    def engine(says):
        made = ImageEngine(says={"1": says}).add("1", IMAGE)
        monkeypatch.setattr(glue, "connect", lambda _timeout: made)
        return made

    return engine


def test_it_is_proven_once_and_remembered(on, args):
    engine = on(LIST)
    four_runs(gpu_check, args)
    assert (len(engine.made), engine.left) == (1, {})
    asked = engine.made[0]
    assert (asked["entrypoint"], asked["command"]) == (["nvidia-smi"], ["-L"])
    request = asked["host_config"]["device_requests"][0]
    assert (request["Driver"], request["DeviceIDs"], request["Capabilities"]) == ("nvidia", ["0", "1"], [["gpu"]])
    assert (asked["host_config"]["network_mode"], asked["host_config"]["cap_drop"]) == ("none", ["ALL"])
    memory = Path(args["memory_path"])
    assert len(json.loads(memory.read_text())["gpus"]) == 4
    assert memory.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("changed", [{"driver": "560"}, {"gpus": ["0"]}, {"runtime": "cdi"}, {"host_gpus": HOST[:2]}])
def test_another_circumstance_asks_again(on, args, changed):
    engine = on(LIST)
    assert run_module(gpu_check, args).changed
    assert run_module(gpu_check, {**args, **changed}).changed
    assert len(engine.made) == 2


def test_in_the_way_in_which_instances_get_them(on, args):
    engine = on(LIST)
    run_module(gpu_check, {**args, "gpus": ["0", "all"], "runtime": "cdi"})
    request = engine.made[0]["host_config"]["device_requests"][0]
    assert (request["Driver"], request["DeviceIDs"], request["Count"]) == ("cdi", ["nvidia.com/gpu=all"], 0)
    run_module(gpu_check, {**args, "gpus": ["all"]})
    assert engine.made[1]["host_config"]["device_requests"][0]["Count"] == -1


@pytest.mark.parametrize(
    ("says", "gpus", "said"),
    [
        ("\n".join(LIST.splitlines()[:1]), ["0", "1"], f"does not see {HOST[1]['uuid']}"),
        ("Failed to initialize NVML: Unknown Error\n", ["0"], "Failed to initialize NVML: Unknown Error"),
        ("", ["0"], f"does not see {HOST[0]['uuid']}."),
        ("\n".join(LIST.splitlines()[:3]), ["all"], f"does not see {HOST[3]['uuid']}"),
        (refusal('could not select device driver "nvidia"', 500), ["0"], "could not select device driver"),
        (requests.ReadTimeout(), ["0"], "did not end within 60 s"),
    ],
)
def test_a_container_that_does_not_see_them(on, args, says, gpus, said):
    engine = on(says)
    outcome = run_module(gpu_check, {**args, "gpus": gpus})
    assert (outcome.failed, outcome.kind, engine.left) == (True, "gpu_not_seen", {})
    assert said in outcome.msg
    assert "docker_host_nvidia_toolkit" in outcome.msg
    assert not Path(args["memory_path"]).exists()


def test_a_host_that_tells_no_uuid_still_has_to_have_one_in_the_container(on, args):
    on("No devices were found")
    assert run_module(gpu_check, {**args, "host_gpus": []}).kind == "gpu_not_seen"
    on(LIST)
    assert not run_module(gpu_check, {**args, "host_gpus": []}).failed


def test_an_image_that_is_not_there_proves_nothing(on, args):
    engine = on(LIST)
    outcome = run_module(gpu_check, {**args, "image": "ollama/ollama:9.9.9"})
    assert (outcome.failed, outcome["image_present"], engine.made) == (False, False, [])
    assert run_module(gpu_check, args).changed


def test_amd_opens_its_files(on, args):
    engine = on("")
    args = {**args, "vendor": "amd", "gpus": ["all"], "host_gpus": AMD}
    assert run_module(gpu_check, args).changed
    asked = engine.made[0]
    assert asked["host_config"]["devices"] == ["/dev/kfd:/dev/kfd", "/dev/dri:/dev/dri"]
    assert asked["entrypoint"] + asked["command"] == [
        "head",
        "-c",
        "0",
        "-q",
        "/dev/kfd",
        "/dev/dri/renderD128",
        "/dev/dri/renderD129",
    ]
    on("head: cannot open '/dev/kfd' for reading: Operation not permitted")
    outcome = run_module(gpu_check, {**args, "gpus": ["1"]})
    assert outcome.kind == "gpu_not_seen"
    assert "Operation not permitted" in outcome.msg


def test_what_is_no_gpu_is_refused(on, args):
    on(LIST)
    assert run_module(gpu_check, {**args, "host_gpus": [{"memory": 1}]}).kind == "bad_input"
    assert run_module(gpu_check, {**args, "runtime": "devices"}).kind == "bad_gpus"
