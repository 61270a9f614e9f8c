# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory of images: what is remembered, in which order, and which of them may go."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.images import (
    MAX_IMAGES,
    Image,
    Remembered,
    Running,
    dump_memory,
    parse_memory,
    remember,
    running_images,
    verdicts,
)


def number(of):
    return f"{of:064x}"


def runs(of, *names, count=1):
    return Running(number(of), names or (f"image:{of}",), tuple(f"s{index}" for index in range(count)))


def ids(memory):
    return [int(one.id, 16) for one in memory]


def test_the_newest_come_first_and_the_oldest_fall_out():
    memory = ()
    for of in (1, 2, 3, 2):
        memory = remember(memory, [runs(of)], float(of), {})
    assert ids(memory) == [2, 3, 1]
    for of in range(10, 10 + MAX_IMAGES):
        memory = remember(memory, [runs(of)], 9.0, {})
    assert len(memory) == MAX_IMAGES
    assert ids(memory)[0] == 9 + MAX_IMAGES


def test_the_same_again_changes_nothing():
    memory = remember((), [runs(2, count=5), runs(1, count=3)], 1.0, {number(2): "0.32.16"})
    assert (ids(memory), memory[0].version) == ([2, 1], "0.32.16")
    assert remember(memory, [runs(1, count=7), runs(2)], 2.0, {}) == memory
    assert remember(memory, [], 2.0, {}) == memory
    named = remember(memory, [runs(2, "other:tag")], 2.0, {})
    assert named[0].references == ("other:tag", "image:2")
    assert named[0].version == "0.32.16"
    assert remember(named, [runs(2)], 3.0, {}) == named


def test_what_is_no_image_is_not_remembered():
    odd = Running("what", ("x",), ("s",))
    assert remember((), [odd], 1.0, {}) == ()
    (one,) = remember((), [runs(1, "good:1", "bad name", "bad\nname", "x" * 501)], 1.0, {})
    assert one.references == ("good:1",)


def test_what_runs_is_counted():
    rows = [{"name": f"s{n}", "image": f"i:{n % 2}", "image_digest": number(n % 2)} for n in range(5)]
    assert [(int(one.id, 16), one.references, len(one.instances)) for one in running_images(rows)] == [
        (0, ("i:0",), 3),
        (1, ("i:1",), 2),
    ]


def present(*of, **tags):
    return {number(one): Image(number(one), tags.get(f"of{one}", (f"image:{one}",)), (), 10) for one in of}


def judged(memory, there, used=(), keep=2):
    found = verdicts(memory, there, {number(of): "in use" for of in used}, keep)
    return {int(one.image.id, 16): "remove" if one.go else one.reason.split(" ")[0] for one in found}


def test_which_of_them_go():
    memory = remember((), [runs(1), runs(2), runs(3), runs(4), runs(5)], 1.0, {})
    there = present(1, 2, 3, 4, 5)
    assert judged(memory, there, used=[1]) == {1: "in", 2: "it", 3: "it", 4: "remove", 5: "remove"}
    assert judged(memory, there, used=[4], keep=0) == {1: "remove", 2: "remove", 3: "remove", 4: "in", 5: "remove"}
    assert judged(memory, there, keep=-5) == dict.fromkeys(range(1, 6), "remove")
    assert judged(memory, there, keep=99)[5] == "it"
    assert judged(memory, present(5), keep=1) == {5: "it"}
    assert judged((), there) == {}


def test_a_name_of_somebody_else_keeps_an_image():
    memory = remember((), [runs(1)], 1.0, {})
    (row,) = verdicts(memory, present(1, of1=("image:1", "mine:1")), {}, 0)
    assert (row.go, row.reason) == (False, "it is also named mine:1, which Corral did not do")
    (row,) = verdicts(memory, present(1, of1=()), {}, 0)
    assert (row.go, row.as_dict()["action"], row.as_dict()["bytes"]) == (True, "remove", 10)


def test_the_file():
    memory = (Remembered(number(1), ("a:1", "a@sha256:x"), "0.1", 5.5), Remembered(number(2)))
    assert parse_memory(dump_memory(memory)) == memory


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"schema": 2, "images": []},
        {"schema": 1, "images": {}},
        {"schema": 1, "images": ["x"]},
        {"schema": 1, "images": [{"id": "x", "references": []}]},
        {"schema": 1, "images": [{"id": number(1), "references": "x"}]},
        {"schema": 1, "images": [{"id": number(1), "references": ["a\nb"]}]},
        {"schema": 1, "images": [{"id": number(1), "references": ["a"] * 21}]},
        {"schema": 1, "images": [{"id": number(1), "references": []}] * 51},
    ],
)
def test_a_file_that_is_none(document):
    with pytest.raises(ValueError, match=r"\w"):
        parse_memory(json.dumps(document).encode())
