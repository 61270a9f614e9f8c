# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters about GPUs: what is wrong is an error of the filter that says so."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.gpu_placement import FilterModule as Placement
from ansible_collections.corral.ollama.plugins.filter.gpu_service import FilterModule as Service
from ansible_collections.corral.ollama.plugins.filter.instances import instances_filter

service, placement = Service().filters()["gpu_service"], Placement().filters()["gpu_placement"]
GPUS = [{"index": "0", "uuid": "GPU-a", "memory": 8 * 10**9}]
MODELS = [{"name": "mistral:7b", "bytes_total": 7 * 10**9, "state": "present"}]


def test_a_service():
    assert service([1], "amd")["devices"][1] == "/dev/dri/renderD129:/dev/dri/renderD129"
    with pytest.raises(AnsibleFilterError, match=r"corral\.ollama\.gpu_service: corral_gpu_runtime is nvidia"):
        service(["0"], "amd", "nvidia")


def test_a_placement():
    fleet = instances_filter("ollama", 1, gpus=[0])
    assert placement(fleet, GPUS, MODELS) == []
    assert placement(fleet, GPUS, MODELS, headroom="0.2")[0].startswith(
        "mistral:7b has 7.0 GB, and ollama-server-1 has"
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"headroom": "much"},
        {"headroom": 2},
        {"residents": [{"nam": "x"}]},
        {"gpus": [{}]},
        {"models": [1]},
        {"gpus": None},
    ],
)
def test_what_cannot_be_meant(bad):
    given = {"gpus": GPUS, "models": MODELS, **bad}
    with pytest.raises(AnsibleFilterError, match=r"corral\.ollama\.gpu_placement: "):
        placement(instances_filter("ollama", 1, gpus=[0]), given.pop("gpus"), given.pop("models"), **given)
