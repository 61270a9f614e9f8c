# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module gpu_info with the stand-in for NVIDIA's tool, and on a copy of the kernel's files for AMD."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.gpu_memory import GpuMemory, dump_memory
from ansible_collections.corral.ollama.plugins.module_utils.core.gpus import nvidia_gpus
from ansible_collections.corral.ollama.plugins.module_utils.glue import gpu_facts
from ansible_collections.corral.ollama.plugins.modules import gpu_info
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module

FIXTURES = Path(__file__).parents[2] / "fixtures" / "gpus"
FOUR = nvidia_gpus((FIXTURES / "h100x4" / "query").read_text())[0]


@pytest.fixture
def on(monkeypatch, tmp_path):
    """Run the module where nvidia-smi says what is in a fixture; None for a host that has no such tool."""

    def run_on(about, check=False, **options):
        monkeypatch.setenv("PATH", f"{FIXTURES}:{os.environ['PATH']}" if about else str(tmp_path))
        monkeypatch.setenv("PRACTICE_GPUS", str(FIXTURES / about) if about else "")
        outcome = run_module(gpu_info, options, check=check)
        assert (outcome.failed, outcome.changed) == (False, False), outcome.msg
        return outcome

    return run_on


@pytest.mark.parametrize("check", [False, True])
def test_a_host_with_four(on, check):
    outcome = on("h100x4", check)
    assert [row["id"] for row in outcome["gpus"]] == [one.uuid for one in FOUR]
    assert (outcome["driver"], outcome["problem"], outcome["gpus"][3]["memory"]) == ("550.90.12", "", 85520809984)
    assert outcome["auto"] == {"count": 4, "gpus": [[one.uuid] for one in FOUR]}
    assert (outcome["remembered"], outcome["missing"], outcome["unknown"]) == ([], [], [])
    assert on("h100x4", count=2)["auto"]["gpus"] == [[one.uuid for one in FOUR[:2]], [one.uuid for one in FOUR[2:]]]


def test_parts_are_given_away_one_by_one(on):
    assert [row["index"] for row in on("mig")["gpus"]] == ["0:0", "0:1", "1"]


@pytest.mark.parametrize(
    ("about", "said"),
    [
        (None, "nvidia-smi is not there, which comes with the driver"),
        ("no_devices", "nvidia-smi ended with 6: No devices were found"),
        ("mismatch", "ended with 18: Failed to initialize NVML: Driver/library version mismatch"),
    ],
)
def test_why_nobody_can_say_what_there_is(on, about, said):
    outcome = on(about, named=["0"])
    assert said in outcome["problem"]
    assert (outcome["gpus"], outcome["auto"], outcome["unknown"]) == ([], {"count": 0, "gpus": []}, [])


def test_what_was_there_is_missed(on, tmp_path):
    path = tmp_path / "gpus.json"
    path.write_bytes(dump_memory(GpuMemory(FOUR)))
    outcome = on("one_lost", memory_path=str(path))
    assert [row["id"] for row in outcome["missing"]] == [FOUR[1].uuid]
    assert (len(outcome["remembered"]), outcome["auto"]["count"]) == (4, 3)
    # Whoever verifies counts what was deployed.
    assert on("one_lost", memory_path=str(path), keep=True)["auto"]["count"] == 4
    assert on("no_devices", memory_path=str(path), keep=True)["auto"]["count"] == 4


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 1, "gpus": [{}]}', '{"schema": 9}', "[" * 99999])
def test_a_memory_that_is_damaged_begins_anew(on, tmp_path, content):
    (tmp_path / "gpus.json").write_text(content)
    outcome = on("h100x4", memory_path=str(tmp_path / "gpus.json"))
    assert outcome["remembered"] == []
    assert "cannot be used" in outcome["warnings"][0]


def test_declared_gpus_that_are_not_there(on):
    assert on("h100x4", named=["0", "3", FOUR[2].uuid])["unknown"] == []
    assert on("h100x4", named=["4", "GPU-nope", "renderD128"])["unknown"] == ["4", "GPU-nope", "renderD128"]
    divided = ["0", "0:1", "MIG-GPU-9c73/1/0", "GPU-9c73eb7b-8d6d-6c0e-dc13-97873e2ede40", "0:7"]
    assert on("mig", named=divided)["unknown"] == ["0:7"]


def test_amd(on, monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_facts, "KFD_NODES", str(tmp_path / "none"))
    assert "there is no" in on(None, vendor="amd")["problem"]
    nodes = tmp_path / "nodes"
    for number, text in enumerate(["simd_count 0\ndrm_render_minor 0\n", "simd_count 304\ndrm_render_minor 128\n"]):
        (nodes / str(number) / "mem_banks" / "0").mkdir(parents=True)
        (nodes / str(number) / "properties").write_text(text)
        (nodes / str(number) / "name").write_text("gfx942\n")
        (nodes / str(number) / "mem_banks" / "0" / "properties").write_text("heap_type 1\nsize_in_bytes 206141652992\n")
    monkeypatch.setattr(gpu_facts, "KFD_NODES", str(nodes))
    monkeypatch.setattr(gpu_facts, "DRM", str(tmp_path))
    outcome = on(None, vendor="amd", named=["0", "renderD128", "1"])
    found = [(row["id"], row["name"], row["memory"]) for row in outcome["gpus"]]
    assert found == [("renderD128", "gfx942", 206141652992)]
    assert (outcome["unknown"], outcome["auto"]) == (["1"], {"count": 1, "gpus": [["renderD128"]]})
