# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much a server keeps in memory, as its container and its log tell, and whom it would push out."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.inference_compute import Device, devices
from ansible_collections.corral.ollama.plugins.module_utils.core.memory_room import Room, room_of, would_push_out
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.residents import FOREVER, Resident

GIB = 2**30
CUDA = (
    'time=2026-11-21T19:50:22.000Z level=INFO source=types.go:42 msg="inference compute" id=GPU-4b1c library=CUDA '
    'compute=8.9 name=CUDA0 description="NVIDIA RTX 4090" libdirs=ollama driver=12.4 type=discrete '
    'total="23.6 GiB" available="23.1 GiB"'
)
CPU = (
    'time=x level=INFO source=types.go:60 msg="inference compute" id=cpu library=cpu compute="" name=cpu '
    'total="31.3 GiB" available="22.2 GiB"'
)
PRACTICE = 'level=INFO msg="inference compute" id=0 library=CUDA practice="stand-in"'


def test_what_a_server_says_that_it_computes_on():
    other = CUDA.replace("GPU-4b1c", "GPU-77")
    found = devices(["Listening on [::]:11434", CUDA, CUDA, other, CPU, PRACTICE, "[GIN] nothing"])
    assert [(one.id, one.library, one.is_cpu) for one in found] == [
        ("GPU-4b1c", "cuda", False), ("GPU-77", "cuda", False), ("cpu", "cpu", True), ("0", "cuda", False)
    ]  # fmt: skip
    assert found[0] == Device("GPU-4b1c", "cuda", "NVIDIA RTX 4090", int(23.6 * GIB), int(23.1 * GIB))
    assert (found[3].total, found[3].name) == (0, "")


@pytest.mark.parametrize(
    "line",
    [
        'msg="inference compute"',
        'msg="inference compute" id="' + "x" * 5000,
        'msg="inference compute" total="9e999 GiB" id=\x1b[31m library="\x00"',
        'msg="inference compute" total="99999999999999 GiB"',
    ],
)
def test_a_hostile_line_harms_nobody(line):
    for one in devices([line]):
        assert (one.total, one.id.isprintable(), len(one.id) <= 80) == (0, True, True)


@pytest.mark.parametrize(
    ("environment", "gpus", "lines", "limit", "expected"),
    [
        ({}, (), (), 0, Room(3, 64)),
        ({}, (), (CPU,), 48, Room(3, 48)),
        ({"OLLAMA_MAX_LOADED_MODELS": "1"}, (), (), 99, Room(1, 64)),
        ({"OLLAMA_MAX_LOADED_MODELS": "many"}, (), (), 0, Room(3, 64)),
        ({"OLLAMA_MAX_LOADED_MODELS": "0"}, ("0", "1"), (), 48, Room(6, 0, True)),
        ({}, ("all",), (), 0, Room(0, 0, True)),
        ({}, ("all",), (CUDA,), 48, Room(3, int(23.6 * GIB), True)),
        ({}, (), (CUDA, CUDA.replace("4b1c", "5")), 0, Room(6, 2 * int(23.6 * GIB), True)),
        ({"OLLAMA_GPU_OVERHEAD": str(GIB)}, ("0",), (CUDA,), 0, Room(3, int(23.6 * GIB) - GIB, True)),
        ({"OLLAMA_MAX_LOADED_MODELS": "5"}, ("0",), (PRACTICE,), 0, Room(5, 0, True)),
    ],
)
def test_how_much_it_keeps(environment, gpus, lines, limit, expected):
    assert room_of(environment, gpus, devices(lines), limit, 64) == expected


def there(name, keep=FOREVER, size=10, vram=0):
    return Resident(parse_name(name), "d" * 64, size, vram, 4096, keep)


@pytest.mark.parametrize(
    ("loaded", "room", "gone"),
    [
        ((), Room(1, 100), []),
        ((there("new"),), Room(1, 1), []),
        ((there("a"), there("b")), Room(3, 0), []),
        ((there("a"), there("b")), Room(2, 0), ["b:latest"]),
        ((there("a", 9), there("b", 9), there("c")), Room(3, 0), ["b:latest"]),
        ((there("a"), there("b", 5)), Room(2, 0), ["b:latest"]),
        ((there("a", None), there("b", 5), there("c")), Room(1, 0), ["b:latest", "a:latest", "c:latest"]),
        ((there("a", 9, 80), there("b", 8, 5)), Room(0, 110), []),
        ((there("a", 9, 80), there("b", 8, 5)), Room(0, 99), ["b:latest", "a:latest"]),
        ((there("a", 9, 80, 8), there("b", 8, 5, 5)), Room(0, 40, True), []),
        ((there("a", 9, 80, 8), there("b", 8, 5, 5)), Room(0, 30, True), ["b:latest"]),
        ((there("a"), there("b")), Room(), []),
    ],
)
def test_whom_it_would_push_out(loaded, room, gone):
    new = there("new", size=20, vram=20)
    assert [one.name.display for one in would_push_out(loaded, new, room)] == gone
