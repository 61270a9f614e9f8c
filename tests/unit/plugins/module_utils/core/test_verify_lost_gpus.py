# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GPU that fails while the fleet runs, and everything that looks like it and is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.gpu_memory import GpuMemory
from ansible_collections.corral.ollama.plugins.module_utils.core.gpus import nvidia_gpus
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_lost_gpus import (
    host_findings,
    host_gpus,
    lost_findings,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "gpus"
LIST, LIST_OF_THREE = ((FIXTURES / about / "list").read_text() for about in ("h100x4", "one_lost"))
FOUR, THREE = (nvidia_gpus((FIXTURES / about / "query").read_text())[0] for about in ("h100x4", "one_lost"))
LOST = FOUR[1]
NAME = "ollama-server-2"


def host(gpus=FOUR, remembered=FOUR, problem=""):
    """As the module gpu_info tells it."""
    missing = GpuMemory(tuple(remembered)).missing(gpus)
    rows = {"gpus": gpus, "remembered": remembered, "missing": missing}
    return host_gpus({**{key: [one.as_dict() for one in found] for key, found in rows.items()}, "problem": problem})


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (host_gpus({}), []),
        (host(), []),
        (host(remembered=()), []),
        (host((), (), "nvidia-smi is not there"), []),  # the container may have what the host has no tool for
        (host(THREE), [("problem", f"lists 3 of 4 GPUs: {LOST.uuid} (NVIDIA H100 80GB HBM3) is missing")]),
        (
            host((), FOUR, "nvidia-smi ended with 18"),
            [("problem", "4 GPUs that this host had when it was deployed are not")],
        ),
        (host(FOUR, THREE), [("warning", f"were not there when it was deployed: {LOST.uuid}")]),
    ],
)
def test_what_the_host_lost(seen, told):
    found = host_findings(seen)
    assert [(one.severity, one.check, one.instance) for one in found] == [
        (severity, "gpu", "") for severity, _says in told
    ]
    assert all(text in one.message for one, (_severity, text) in zip(found, told))


@pytest.mark.parametrize(
    ("expected", "seen", "listing", "said"),
    [
        ((LOST.uuid,), host(), LIST, ""),
        (("1",), host(), LIST, ""),
        (("all",), host(), LIST, ""),
        ((), host(THREE), LIST_OF_THREE, ""),
        ((LOST.uuid,), host_gpus({}), LIST_OF_THREE, ""),
        ((LOST.uuid,), host(), None, ""),
        ((LOST.uuid,), host((), FOUR, "hangs"), None, ""),  # said once, of the host
        ((LOST.uuid,), host(THREE), LIST_OF_THREE, f"declared to have GPU {LOST.uuid}, which this host does not list"),
        (("3",), host(THREE), LIST_OF_THREE, "declared to have GPU 3"),
        ((LOST.uuid,), host(), LIST_OF_THREE, f"has lost GPU {LOST.uuid}: the host has it"),
        (("1",), host(), "Failed to initialize NVML: Unknown Error\n", "(Failed to initialize NVML: Unknown Error)"),
        (("all",), host(), LIST_OF_THREE, "has lost its GPUs"),
        (("0", "1"), host(), "No devices were found", "has lost its GPUs"),
    ],
)
def test_what_an_instance_lost(expected, seen, listing, said):
    found = lost_findings(NAME, expected, seen, listing)
    assert [(one.severity, one.check, one.instance) for one in found] == ([("problem", "gpu", NAME)] if said else [])
    assert all(said in one.message and "playbook rolling_restart" in one.message for one in found)


def test_nonsense_is_nothing():
    assert host_findings(host_gpus({"gpus": "x", "remembered": [{}, 1], "missing": None, "problem": 5})) == []
