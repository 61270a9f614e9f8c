# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools of a host print about its GPUs, and what cannot be believed of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.gpus import (
    Gpu,
    amd_gpus,
    cdi_names,
    dealt,
    from_dict,
    listed_uuids,
    mig_on,
    nvidia_gpus,
    with_parts,
)

FIXTURES = Path(__file__).parents[3] / "fixtures" / "gpus"
ROWS = [Gpu(str(number), f"GPU-{number}", memory=10) for number in range(8)]


def printed(about, name="query"):
    return (FIXTURES / about / name).read_text()


@pytest.mark.parametrize(
    ("about", "indices", "memory", "driver"),
    [
        ("h100x4", ["0", "1", "2", "3"], 81559 * 2**20, "550.90.12"),
        ("one_lost", ["0", "1", "2"], 81559 * 2**20, "550.90.12"),
        ("grace", ["0"], 0, "580.65.06"),
        ("no_devices", [], None, ""),
        ("mismatch", [], None, ""),
    ],
)
def test_what_nvidia_smi_prints(about, indices, memory, driver):
    gpus, version = nvidia_gpus(printed(about))
    assert ([one.index for one in gpus], version) == (indices, driver)
    assert {one.memory for one in gpus} == ({memory} if indices else set())
    assert not mig_on(printed(about))


def test_a_gpu_that_is_lost_changes_the_numbers_of_the_others():
    """That is why they are pinned by UUID, not by index."""
    before, after = (nvidia_gpus(printed(about))[0] for about in ("h100x4", "one_lost"))
    assert [one.id for one in after] == [before[number].id for number in (0, 2, 3)]
    assert after[1].index == "1"


def test_a_gpu_that_is_divided_is_its_parts():
    query = printed("mig")
    assert mig_on(query)
    parts = with_parts(nvidia_gpus(query)[0], printed("mig", "list"))
    assert [(one.index, one.part, one.memory // 2**20) for one in parts] == [
        ("0:0", "3g.20gb", 19456),
        ("0:1", "1g.5gb+me", 4864),
        ("1", "", 40960),
    ]
    assert [one.id[:12] for one in parts] == ["MIG-a686709d", "MIG-53864714", "GPU-c92e2d5d"]
    assert parts[0].parent.startswith("GPU-9c73eb7b")
    listed = listed_uuids(printed("mig", "list"))
    assert [uuid[:8] for uuid in listed] == ["GPU-9c73", "MIG-a686", "MIG-5386", "GPU-c92e"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "0, GPU-1",
        "x, GPU-1, 1, 2, Disabled, name",
        "0, ../../etc, 1, 2, Disabled, name",
        "0, GPU-1;reboot, 1, 2, Disabled, name",
        "GPU 0: name (UUID: GPU-1)",
    ],
)
def test_a_line_of_another_form_is_no_gpu(line):
    assert nvidia_gpus(line) == ((), "")


def test_a_name_is_plain_and_bounded():
    gpu = nvidia_gpus("0, GPU-1, 10, 1, Disabled, a\x1b[31m, b" + "c" * 500)[0][0]
    assert (gpu.name[:9], len(gpu.name)) == ("a[31m, bc", 80)


NODE = {"simd_count": "304", "drm_render_minor": "129", "unique_id": "7809984429061111111", "memory": "206141652992"}


def test_amd_as_the_kernel_tells_it():
    first = {**NODE, "drm_render_minor": "128", "unique_id": "0", "name": "AMD Instinct MI300X"}
    processor = {"simd_count": "0", "cpu_cores_count": "96", "drm_render_minor": "0"}
    gpus = amd_gpus([processor, NODE, first])
    assert [(one.index, one.node, one.uuid, one.id) for one in gpus] == [
        ("0", "renderD128", "", "renderD128"),
        ("1", "renderD129", "GPU-6c62a3758b84fd47", "renderD129"),
    ]
    assert (gpus[0].name, gpus[1].memory) == ("AMD Instinct MI300X", 206141652992)
    assert amd_gpus([{**NODE, "drm_render_minor": "99999"}, {**NODE, "simd_count": "-1"}]) == ()


def test_what_cdi_describes():
    listing = "INFO[0000] Found 3 CDI devices\nnvidia.com/gpu=0\nnvidia.com/gpu=GPU-1\n  nvidia.com/gpu=all\nfoo=bar\n"
    assert cdi_names(listing) == ("nvidia.com/gpu=0", "nvidia.com/gpu=GPU-1", "nvidia.com/gpu=all")


@pytest.mark.parametrize(
    ("gpus", "count", "sets"),
    [
        (2, 2, [["GPU-0"], ["GPU-1"]]),
        (2, 8, [["GPU-0"], ["GPU-1"]]),
        (8, 4, [["GPU-0", "GPU-1"], ["GPU-2", "GPU-3"], ["GPU-4", "GPU-5"], ["GPU-6", "GPU-7"]]),
        (5, 2, [["GPU-0", "GPU-1", "GPU-2"], ["GPU-3", "GPU-4"]]),
        (3, 1, [["GPU-0", "GPU-1", "GPU-2"]]),
        (0, 1, []),
        (0, 0, []),
    ],
)
def test_auto_gives_each_instance_its_share(gpus, count, sets):
    assert dealt(ROWS[:gpus], count) == sets


def test_a_row_and_back():
    gpu = Gpu("0:1", "MIG-1", "A100", 5, "", "1g.5gb", "GPU-1")
    assert from_dict(gpu.as_dict()) == gpu
    for row in ({}, *({"uuid": "GPU-1", "memory": memory} for memory in ("5", True, -1))):
        with pytest.raises(ValueError, match="GPU"):
            from_dict(row)
