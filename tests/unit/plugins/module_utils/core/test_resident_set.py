# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be loaded on one server, in which order, and what stays out."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.memory_room import Room
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.resident_memory import Loaded
from ansible_collections.corral.ollama.plugins.module_utils.core.resident_set import (
    State,
    expected_size,
    plan,
    said,
    too_much,
    unlisted,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.residents import FOREVER, Resident
from ansible_collections.corral.ollama.plugins.module_utils.core.wishes import wishes

D = "d" * 64
SIZES = {"big:1": 500, "mid:1": 300, "small:1": 100, "tiny:1": 10}


def there(name, keep=FOREVER, size=0, vram=0, context=4096, digest=D):
    return Resident(parse_name(name), digest, size or SIZES.get(name, 50), vram, context, keep)


def state(*loaded, models=0, memory=0, gpu=False, known=()):
    entries = {parse_name(name).key: {"digest": D, "size": size} for name, size in SIZES.items()}
    return State("s1", loaded, entries, Room(models, memory, gpu), {parse_name(one.model).key: one for one in known})


def known(name, size, vram=0, asked=0, given=4096, digest=D):
    return Loaded("s1", name, digest, asked, given, size, vram, FOREVER, 0.0)


def actions(found):
    return [(row.name.display, row.action) for row in found]


def test_the_largest_first_and_equals_by_name():
    found = plan(state(), wishes(["tiny:1", "big:1", "mid:1"]))
    assert actions(found) == [("big:1", "load"), ("mid:1", "load"), ("tiny:1", "load")]


@pytest.mark.parametrize(
    ("loaded", "memory", "gpu", "expected"),
    [
        ((), (), False, 500),
        ((there("big:1", size=777),), (), False, 777),
        ((there("big:1", size=777, vram=700),), (), True, 700),
        ((there("big:1", size=777, digest="e" * 64),), (), False, 500),
        ((), (known("big:1", 900),), False, 900),
        ((), (known("big:1", 900, 600),), True, 600),
        ((), (known("big:1", 900, 0),), True, 900),
        ((), (known("big:1", 900, digest="e" * 64),), False, 500),
        ((), (known("big:1", 900, asked=8192),), False, 500),
    ],
)
def test_what_it_takes(loaded, memory, gpu, expected):
    (wish,) = wishes(["big:1"])
    assert expected_size(state(*loaded, gpu=gpu, known=memory), wish) == expected


@pytest.mark.parametrize(
    ("room", "loaded", "push_out", "expected"),
    [
        ({"models": 3}, (), False, ("load", "load")),
        ({"models": 2}, (there("tiny:1"),), False, ("load", "wait")),
        ({"models": 2}, (there("tiny:1"),), True, ("load", "load")),
        ({"models": 1}, (there("tiny:1", 5),), False, ("wait", "wait")),
        ({"memory": 820}, (there("tiny:1"),), False, ("load", "load")),
        ({"memory": 805}, (there("tiny:1"),), False, ("load", "wait")),
        ({"memory": 805}, (there("tiny:1"),), True, ("load", "load")),
        ({"memory": 820, "gpu": True}, (there("tiny:1", vram=0),), False, ("load", "load")),
        ({"memory": 805, "gpu": True}, (there("tiny:1", vram=10),), False, ("load", "wait")),
        ({}, (there("tiny:1"), there("small:1")), False, ("load", "load")),
    ],
)
def test_what_has_no_room_waits(room, loaded, push_out, expected):
    found = plan(state(*loaded, **room), wishes(["big:1", "mid:1"]), push_out)
    assert tuple(row.action for row in found) == expected


def test_a_small_one_still_goes_where_a_large_one_waits():
    found = plan(state(there("other:1", size=300), memory=700), wishes(["big:1", "tiny:1"]))
    assert actions(found) == [("big:1", "wait"), ("tiny:1", "load")]


def test_who_stays_shortest_is_named_as_the_one_that_goes():
    loaded = (there("a:1"), there("b:1", 60), there("c:1", None), there("d:1", 3600))
    (row,) = plan(state(*loaded, models=4), wishes(["mid:1"]))
    assert [one.name.display for one in row.pushes] == ["b:1"]
    assert said(row, "s1").startswith("s1: mid:1 is not loaded, as it would push out b:1 (stays for 1 min 0 s).")
    (row,) = plan(state(*loaded[::2], models=1), wishes(["mid:1"]))
    assert [one.name.display for one in row.pushes] == ["c:1", "a:1"]
    assert "c:1 (stays until it is idle), a:1 (stays for ever)" in said(row, "s1")


def test_a_declared_resident_is_never_what_goes():
    loaded = (there("tiny:1", 10), there("other:1", FOREVER))
    entries = [{"name": "tiny:1", "keep_alive": 10}, "mid:1"]
    found = plan(state(*loaded, models=2), wishes(entries), push_out=True)
    assert dict(actions(found)) == {"mid:1": "wait", "tiny:1": "keep"}


def test_its_own_older_version_is_not_somebody_else():
    loaded = (there("mid:1", 60, digest="e" * 64),)
    (row,) = plan(state(*loaded, models=1), wishes(["mid:1"]))
    assert (row.action, row.pushes, row.why) == ("reload", (), "in memory at eeeeeeeeeeee")


def test_another_context_replaces_its_runner():
    entry = {"name": "mid:1", "context_length": 8192}
    (row,) = plan(state(there("mid:1"), models=1, memory=310), wishes([entry]))
    assert (row.action, row.context, row.why) == ("reload", 8192, "in memory with a context of 4096, not 8192")
    (row,) = plan(state(there("mid:1"), known=[known("mid:1", 300, asked=8192)]), wishes([entry]))
    assert row.action == "keep", "it was asked for once, and this is what the server gave"


def test_busy_just_now_is_kept():
    (row,) = plan(state(there("mid:1", None)), wishes(["mid:1"]))
    assert row.action == "keep"


@pytest.mark.parametrize(
    ("room", "wanted", "kinds"),
    [
        ({}, ["big:1", "mid:1", "small:1"], []),
        ({"models": 2}, ["big:1", "mid:1", "small:1"], ["too_many_residents"]),
        ({"models": 2, "memory": 899}, ["big:1", "mid:1", "small:1"], ["too_many_residents", "residents_too_large"]),
        ({"memory": 900}, ["big:1", "mid:1", "small:1"], []),
        ({"memory": 400}, ["big:1"], ["residents_too_large"]),
        ({"memory": 400, "gpu": True}, ["big:1"], []),
        ({"memory": 400, "gpu": True}, ["big:1", "tiny:1"], ["residents_too_large"]),
    ],
)
def test_what_cannot_be_together_whatever_else_is_there(room, wanted, kinds):
    assert [one.kind for one in too_much(state(there("other:1"), **room), wishes(wanted))] == kinds


def test_sizes_are_named():
    (problem,) = too_much(state(memory=700), wishes(["big:1", "mid:1"]))
    assert str(problem) == (
        "big:1 500 B, mid:1 300 B are declared resident on s1: 800 B or more, and it may use 700 B of memory."
        " Declare fewer or smaller ones for this instance (corral_residents: instances)."
    )


def test_what_the_server_does_not_list():
    (problem,) = unlisted(state(), wishes(["big:1", "gone:1"]))
    assert problem.message == "s1 does not list gone:1, which is declared resident."
