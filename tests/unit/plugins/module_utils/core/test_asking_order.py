# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order a server is asked, and that whom it pushes out is known before."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.asking_order import (
    asking_findings,
    asking_order,
    kept_as,
    to_restore,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.memory_room import Room
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.residents import FOREVER, Resident

A, B, C, D = (parse_name(f"{letter}:1") for letter in "abcd")
DIGEST = "1" * 64


def there(name, size=10, keep_alive=60, digest=DIGEST, context=4096):
    return Resident(name, digest, size, size, context, keep_alive)


def wanted(*names, size=10):
    return [(name, DIGEST, size) for name in names]


def order(asks):
    return [(one.name.model, [gone.name.model for gone in one.pushes_out], one.skip) for one in asks]


@pytest.mark.parametrize(
    ("names", "loaded", "room", "evict", "expected"),
    [
        ([A, B], [], Room(models=1), True, [("a", [], False), ("b", [], False)]),  # only what it loaded itself
        ([A, B], [there(A)], Room(), True, [("b", [], False), ("a", [], False)]),  # nothing is known: nothing is said
        ([A, B], [there(A)], Room(models=2), True, [("b", [], False), ("a", [], False)]),
        ([A, B, C], [there(A)], Room(models=1), True, [("b", ["a"], False), ("c", [], False), ("a", [], False)]),
        ([A, B, C], [there(A)], Room(models=1), False, [("b", ["a"], True), ("c", ["a"], True), ("a", [], False)]),
        ([B], [there(A, 30), there(C, 30)], Room(memory=65, on_gpu=True), True, [("b", ["c"], False)]),
        ([B], [there(A, 30), there(C, 20)], Room(memory=65, on_gpu=True), True, [("b", [], False)]),
        ([B], [there(A, keep_alive=FOREVER), there(C)], Room(models=2), True, [("b", ["c"], False)]),
        ([D, B], [there(A)], Room(models=2), False, [("d", [], False), ("b", ["a"], True)]),
    ],
)
def test_order_and_price(names, loaded, room, evict, expected):
    assert order(asking_order(wanted(*names), loaded, room, evict)) == expected


def test_an_older_one_in_memory_is_another_one():
    (one,) = asking_order(wanted(A), [there(A, digest="2" * 64)], Room(models=1), True)
    assert (one.there, [gone.digest for gone in one.pushes_out]) == (None, ["2" * 64])


@pytest.mark.parametrize(
    ("before", "now", "passed", "expected"),
    [
        ([there(A)], [there(A)], 10, []),
        ([there(A)], [], 10, [A]),
        ([there(A)], [], 61, []),  # it would have gone anyway
        ([there(A, keep_alive=FOREVER)], [], 9999, [A]),
        ([there(A, keep_alive=None)], [], 10, [A]),
        ([there(A, 10), there(B, 30)], [], 10, [B, A]),  # the largest first
        ([there(A)], [there(A, digest="2" * 64)], 10, [A]),
    ],
)
def test_what_to_load_again(before, now, passed, expected):
    assert [one.name for one in to_restore(before, now, passed)] == expected


def test_as_it_was():
    assert kept_as(there(A, keep_alive=FOREVER)) == {"keep_alive": "-1s", "num_ctx": 4096}
    assert kept_as(there(A, keep_alive=None)) == {"keep_alive": None, "num_ctx": 4096}


def test_what_is_said():
    asks = asking_order(wanted(B, A), [there(A)], Room(models=1), True)
    assert [(one.severity, one.instance, one.model, one.message) for one in asking_findings("s-3", asks)] == [
        ("note", "s-3", "b:1", "Asking s-3 for b:1 pushes out a:1, which is loaded again afterwards.")
    ]
    (one,) = asking_findings("s-3", asking_order(wanted(B), [there(A)], Room(models=1), False))
    assert (one.severity, one.check) == ("warning", "asking")
    assert one.message.startswith("s-3 was not asked for b:1, as that would push out a:1")
