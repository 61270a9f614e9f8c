# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was loaded on purpose, remembered: what comes in, what goes out, and what is no such file."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.resident_memory import (
    Loaded,
    dumped,
    loaded,
    of_instance,
    remembered,
)

ONE = Loaded("s1", "mistral:7b", "a" * 64, 0, 4096, 9, 9, -1, 100.0)
TWO = Loaded("s2", "mistral:7b", "a" * 64, 8192, 2048, 9, 0, 600, 100.0)


def memory(*rows):
    return {row.key: row for row in rows}


def test_it_comes_back_as_it_was():
    assert loaded(dumped(memory(ONE, TWO))) == memory(ONE, TWO)
    assert of_instance(memory(ONE, TWO), "s2") == {TWO.key[1]: TWO}


def test_what_is_not_declared_any_more_is_forgotten_where_it_was_looked():
    assert remembered(memory(ONE, TWO), [], {"s1": []}) == memory(TWO)
    assert remembered(memory(ONE, TWO), [], {"s1": [ONE.key[1]]}) == memory(ONE, TWO)
    newer = Loaded("s1", "Mistral:7B", "b" * 64, 0, 4096, 9, 9, -1, 200.0)
    assert remembered(memory(ONE), [newer], {"s1": [ONE.key[1]]}) == memory(newer)


@pytest.mark.parametrize(("now", "stays"), [(100.0, True), (699.0, True), (700.0, False), (50.0, False)])
def test_how_long_it_should_stay(now, stays):
    assert TWO.should_stay(now) is stays
    assert ONE.should_stay(now)


def entry(**more):
    return json.dumps({"schema": 1, "residents": [{**vars(ONE), **more}]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"schema": 2, "residents": []}',
        '{"schema": 1}',
        '{"schema": 1, "residents": [7]}',
        entry(model="../../x y"),
        entry(model="x" * 600),
        entry(at=None),
        entry(at=True),
        entry(at=float("nan")),
        entry(size="9"),
        entry(keep_alive=True),
        entry(instance=None),
    ],
)
def test_what_is_no_such_file(text):
    with pytest.raises(ValueError):  # noqa: PT011
        loaded(text)
