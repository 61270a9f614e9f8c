# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether models fit their GPUs: by the size of their files, with nothing said about what is not known."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.gpu_room import placement_problems, places, sizes_of
from ansible_collections.corral.ollama.plugins.module_utils.core.gpus import Gpu
from ansible_collections.corral.ollama.plugins.module_utils.core.layout import Layout, instances
from ansible_collections.corral.ollama.plugins.module_utils.core.wishes import wishes

GB = 10**9
GPUS = [Gpu(str(number), f"GPU-{number}", memory=24 * GB) for number in range(4)]
BIG, MIDDLE, SMALL = "llama3.3:70b", "gemma3:27b", "mistral:7b"
SIZES = {BIG: 43 * GB, MIDDLE: 17 * GB, SMALL: 4 * GB}


def problems(gpus, models=(SMALL,), residents=(), *, count=4, host=None, headroom=0.1):
    fleet = [one.as_dict() for one in instances(Layout("ollama", count, 11434, "127.0.0.1", gpus))]
    rows = [{"name": name, "bytes_total": SIZES.get(name, 0), "state": "present"} for name in models]
    found = places(fleet, GPUS if host is None else host)
    return placement_problems(found, sizes_of(rows), wishes(residents), headroom)


@pytest.mark.parametrize(
    ("gpus", "models", "residents"),
    [
        ([], [BIG], [BIG]),
        ([0, 1, 2, 3], [SMALL, MIDDLE], []),
        ([0, 1, 2, 3], [SMALL, MIDDLE], [SMALL, MIDDLE]),
        ([[0, 1], [2, 3]], [BIG], []),
        ("all", [BIG, SMALL], []),
        (["GPU-0", 7], [SMALL], []),
        (["none", [0, 1, 2]], [BIG], []),
        ([0], ["unknown:1b"], ["unknown:1b"]),
    ],
)
def test_what_fits_or_is_not_known(gpus, models, residents):
    assert problems(gpus, models, residents) == []


@pytest.mark.parametrize(
    ("gpus", "models", "residents", "said"),
    [
        (
            [0, 1],
            [BIG],
            [],
            ["llama3.3:70b has 43.0 GB, and ollama-server-1 and 3 more have each 24.0 GB of GPU memory, of which 21.6"],
        ),
        ([[0, 1], 2], [BIG], [], ["ollama-server-2 and 1 more have each 24.0 GB"]),
        (
            [0, "GPU-0"],
            [MIDDLE],
            [{"name": MIDDLE, "instances": ["ollama-server-1", "ollama-server-2"]}],
            ["on ollama-server-1, ollama-server-2, ollama-server-3, ollama-server-4 has 34.0 GB"],
        ),
        ([0, 1, 2, 3], [MIDDLE, SMALL], [MIDDLE, SMALL, "nomic:1"], []),
        ("all", [BIG], [BIG], ["GPU GPU-0, GPU-1, GPU-2, GPU-3 have together 96.0 GB, of which 86.4 GB"]),
        (
            [[0, 1], [1, 2]],
            [BIG],
            [{"name": BIG, "instances": ["ollama-server-1", "ollama-server-2"]}],
            ["GPU GPU-0, GPU-1, GPU-2 have together 72.0 GB"],
        ),
    ],
)
def test_what_cannot_fit(gpus, models, residents, said):
    found = problems(gpus, models, residents)
    assert len(found) == len(said)
    assert all(text in sentence for sentence, text in zip(found, said)), found


def test_instances_that_differ_are_told_apart():
    assert len(problems([0, [1, 2]], [BIG], host=[Gpu("0", "a", memory=8 * GB), *GPUS[1:]])) == 1
    assert [text[:20] for text in problems([0, 1], [MIDDLE], host=[Gpu("0", "a", memory=8 * GB), GPUS[1]])] == [
        "gemma3:27b has 17.0 "
    ]


def test_headroom():
    assert problems([0], [MIDDLE], headroom=0.25) == []
    assert len(problems([0], [MIDDLE], headroom=0.35)) == 1
    for bad in (1, -0.1, 90):
        with pytest.raises(CorralError, match="corral_gpu_headroom"):
            problems([0], headroom=bad)


def test_memory_that_is_not_known_is_not_judged():
    assert problems([0], [BIG], host=[Gpu("0", "GPU-0")]) == []
    assert problems([0], [BIG], host=[]) == []
    assert sizes_of([{"name": "../x", "bytes_total": 5}, {"name": SMALL, "bytes_total": 5, "state": "absent"}]) == {}
