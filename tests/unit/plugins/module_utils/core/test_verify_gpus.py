# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether models are where they belong. Nobody who has no GPU is told that it has none."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.inference_compute import Device
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_gpus import InstanceGpus, Placed, gpu_findings

NAME = "ollama-server-3"
GPU, SECOND, CPU = Device("GPU-1", "cuda", "H100", 80 * 10**9), Device("GPU-2", "cuda"), Device("cpu", "cpu")
ON, PART, OFF, GONE = (Placed("mistral:7b", 1000, vram) for vram in (1000, 430, 0, -1))


@pytest.mark.parametrize(
    ("expected", "given", "devices", "placed", "told"),
    [
        ((), (), (), [OFF], []),
        ((), (), (CPU,), [OFF], []),
        (("0",), ("0",), (GPU,), [ON], []),
        (("0",), ("0",), (), [ON], []),  # the beginning of the log is gone
        (("0",), ("/dev/nvidia0",), (GPU,), [ON], []),
        (("0",), (), (GPU,), [ON], []),  # by the engine's default runtime
        (("all",), ("all",), (GPU, SECOND), [ON], []),
        (("0",), (), (), [], [("problem", "was given no GPU, and GPU 0 is declared")]),
        (("0",), ("1",), (GPU,), [], [("problem", "was given GPU 1, and GPU 0 is declared")]),
        (("0",), ("0",), (CPU,), [], [("problem", "its server found no GPU")]),
        (("0", "1"), ("1", "0"), (GPU,), [], [("problem", "found 1 of these 2 GPUs")]),
        (("0",), ("0",), (GPU,), [OFF], [("problem", "runs mistral:7b on its processor")]),
        (("0",), ("0",), (GPU,), [GONE], [("problem", "runs mistral:7b on its processor")]),
        ((), (), (GPU,), [OFF], [("problem", "runs mistral:7b on its processor")]),  # nobody declared it, it is there
        (("0",), ("0",), (GPU,), [PART], [("warning", "has 43% of mistral:7b on its GPU")]),
        (("0",), ("0",), (GPU,), [Placed("new:1", 0, 0)], []),  # not loaded
    ],
)
def test_where_models_run(expected, given, devices, placed, told):
    found = gpu_findings(InstanceGpus(NAME, expected, given, devices), placed)
    assert [one.severity for one in found] == [severity for severity, _text in told]
    assert all(text in one.message and NAME in one.message for one, (_severity, text) in zip(found, told))
    assert all(one.check == "gpu" and one.instance == NAME for one in found)


def test_a_row_for_the_report():
    assert InstanceGpus(NAME, ("0",), ("0",), (GPU, CPU)).as_dict() == {
        "server": NAME,
        "expected": ["0"],
        "given": ["0"],
        "seen": [{"id": "GPU-1", "library": "cuda", "name": "H100", "total": "80.0 GB"}],
        "library": "cuda",
    }
    assert InstanceGpus(NAME, ("0",), (), (CPU,)).as_dict()["library"] == "cpu"
