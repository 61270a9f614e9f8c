# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What corral_gpus may say, and how Compose is told."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.gpu_sets import by_runtime, gpu_service, gpu_sets


@pytest.mark.parametrize(
    ("gpus", "sets"),
    [
        ("none", ()),
        (["none", 0], ((), ("0",))),
        (["0:1", "MIG-a686709d-6dc2-542a"], (("0:1",), ("MIG-a686709d-6dc2-542a",))),
        ([["renderD128", "renderD129"]], (("renderD128", "renderD129"),)),
        ([[0, 1], "all"], (("0", "1"), ("all",))),
    ],
)
def test_what_may_be_said(gpus, sets):
    assert gpu_sets(gpus) == sets


@pytest.mark.parametrize(
    ("gpus", "said"),
    [
        ("auto", "nobody has looked there yet"),
        ("every", "neither a list nor 'all', 'auto' or 'none'"),
        ([[]], "is empty"),
        ([[0, "0"]], "names a device twice"),
        (["0; reboot"], "is neither an index"),
        (["/dev/dri/renderD128"], "is neither an index"),
        (["GPU-" + "a" * 200], "is neither an index"),
        ([1000], "is neither an index"),
        ([True], "is neither an index"),
    ],
)
def test_what_cannot_be_meant(gpus, said):
    with pytest.raises((TypeError, ValueError), match=said):
        gpu_sets(gpus)


def reserved(driver, **more):
    devices = [{"driver": driver, "capabilities": ["gpu"], **more}]
    return {"deploy": {"resources": {"reservations": {"devices": devices}}}}


@pytest.mark.parametrize(
    ("gpus", "vendor", "runtime", "service"),
    [
        ([], "nvidia", "auto", {}),
        ([], "amd", "auto", {}),
        (["0", "GPU-1"], "nvidia", "auto", reserved("nvidia", device_ids=["0", "GPU-1"])),
        (["all"], "nvidia", "nvidia", reserved("nvidia", count="all")),
        (["all"], "nvidia", "cdi", reserved("cdi", device_ids=["nvidia.com/gpu=all"])),
        (["0:1", "2"], "nvidia", "cdi", reserved("cdi", device_ids=["nvidia.com/gpu=0:1", "nvidia.com/gpu=2"])),
        (["1"], "amd", "cdi", reserved("cdi", device_ids=["amd.com/gpu=1"])),
        (["all"], "amd", "auto", {"devices": ["/dev/kfd:/dev/kfd", "/dev/dri:/dev/dri"]}),
        (
            ["1", "renderD132"],
            "amd",
            "devices",
            {
                "devices": [
                    "/dev/kfd:/dev/kfd",
                    "/dev/dri/renderD129:/dev/dri/renderD129",
                    "/dev/dri/renderD132:/dev/dri/renderD132",
                ]
            },
        ),
    ],
)
def test_a_service_gets_its_gpus(gpus, vendor, runtime, service):
    assert gpu_service(gpus, vendor, runtime) == service


@pytest.mark.parametrize(
    ("gpus", "vendor", "runtime", "said"),
    [
        (["0"], "nvidia", "devices", "does not give nvidia GPUs"),
        (["0"], "amd", "nvidia", "does not give amd GPUs"),
        (["0"], "intel", "auto", "of the vendor 'intel'"),
        (["0"], "nvidia", "runc", "by the runtime 'runc'"),
        (["GPU-1"], "amd", "auto", "by its index or its render node"),
        (["0:1"], "amd", "auto", "by its index or its render node"),
    ],
)
def test_what_does_not_go_together(gpus, vendor, runtime, said):
    with pytest.raises(CorralError, match=said) as raised:
        gpu_service(gpus, vendor, runtime)
    assert (raised.value.kind, bool(raised.value.remedy)) == ("bad_gpus", True)


def test_the_way_depends_on_nothing_but_what_is_declared():
    """What a host offers may change with an update, and then all its containers would be made anew."""
    assert [by_runtime(vendor, "auto") for vendor in ("nvidia", "amd")] == ["nvidia", "devices"]
