# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order instances are changed, and what follows when one fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_plan import (
    Knobs,
    Todo,
    batches,
    decision,
    max_unavailable,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import Member, Rollout


@pytest.mark.parametrize(
    ("value", "total", "found"),
    [
        ("1", 8, 1),
        (2, 8, 2),
        ("25%", 8, 2),
        ("25 %", 8, 2),
        ("24%", 8, 1),
        ("1%", 8, 1),
        ("99%", 8, 7),
        ("100%", 8, 8),
        ("50%", 1, 1),
        ("50%", 0, 1),
        ("12", 8, 12),
    ],
)
def test_how_many_may_be_out(value, total, found):
    assert max_unavailable(value, total) == found


@pytest.mark.parametrize("value", ["0", "0%", "101%", "-1", "", "1.5", "all", "1; drop", "٣", "1e3", None, "9999"])
def test_how_many_cannot_be_meant(value):
    with pytest.raises(CorralError, match="max_unavailable"):
        max_unavailable(value, 8)


def todo(names, kind="restart", **more):
    return [Todo(f"s-{name}", kind, **more) for name in names]


def shown(found):
    return " ".join(("*" if batch.canary else "") + ",".join(name[2:] for name in batch.names) for batch in found)


@pytest.mark.parametrize(
    ("work", "out", "knobs", "found"),
    [
        ([], [], Knobs(), ""),
        (todo("1234"), [], Knobs(), "*1 2 3 4"),
        (todo("12345"), [], Knobs(2), "*1 2,3 4,5"),
        (todo("12345"), [], Knobs(2, batch=1), "*1 2 3 4 5"),
        (todo("12345"), [], Knobs(2, batch=9), "*1 2,3 4,5"),
        (todo("12345"), [], Knobs(2, canary=0), "1,2 3,4 5"),
        (todo("12345"), [], Knobs(3, canary=2), "*1 *2 3,4,5"),
        (todo("1"), [], Knobs(), "1"),
        (todo("12"), [], Knobs(canary=2), "1 2"),
        (todo("12345"), ["s-9"], Knobs(3), "*1 2,3 4,5"),
        (todo("12345"), ["s-9", "s-8"], Knobs(3), "*1 2 3 4 5"),
        (todo("12") + todo("34", in_doubt=True), [], Knobs(), "3 4 *1 2"),
        (todo("12") + todo("345", in_doubt=True), [], Knobs(2), "3,4 5 *1 2"),
        (todo("12") + todo("3", out=True) + todo("4", in_doubt=True, out=True), [], Knobs(), "4 3 *1 2"),
        (todo("3", out=True) + todo("4", in_doubt=True), ["s-9"], Knobs(), "4 3"),
        (todo("1", "remove") + todo("23"), [], Knobs(), "*2 3 1"),
        (todo("12", "remove"), [], Knobs(2), "1,2"),
        (todo("12", "admit") + todo("34"), [], Knobs(2), "*3 1,2 4"),
    ],
)
def test_the_order(work, out, knobs, found):
    assert shown(batches(work, out, knobs)) == found


@pytest.mark.parametrize(("out", "limit"), [(["s-9"], 1), (["s-8", "s-9"], 2), (["s-8", "s-9"], 1)])
def test_nobody_goes_when_too_many_are_out_already(out, limit):
    with pytest.raises(CorralError) as caught:
        batches(todo("12"), out, Knobs(limit))
    assert caught.value.kind == "too_many_out"
    for part in (*out, f"max_unavailable is {limit}", "s-1, s-2", "corral.ollama.deploy"):
        assert part in str(caught.value)


def rollout(states, **more):
    members = tuple(Member(f"s-{number}", "restart", state) for number, state in enumerate(states.split(), 1))
    return Rollout("r", "a", "", "", "", members, **more)


@pytest.mark.parametrize(
    ("states", "more", "go_on", "roll_back"),
    [
        ("failed planned", {}, False, True),
        ("rolled_back planned", {}, False, True),
        ("failed planned", {"failure_action": "pause"}, False, False),
        ("failed planned", {"failure_action": "continue"}, True, True),
        ("failed done done planned", {"max_failure_ratio": 0.25}, True, True),
        ("failed rolled_back done planned", {"max_failure_ratio": 0.25}, False, True),
        ("failed done done planned", {"max_failure_ratio": 0.25, "failure_action": "pause"}, False, False),
        (
            "failed done done planned",
            {"max_failure_ratio": 0.25, "failure_action": "pause", "max_unavailable": 2},
            True,
            False,
        ),
        ("done done", {}, True, True),
    ],
)
def test_what_follows_from_a_failure(states, more, go_on, roll_back):
    found = decision(rollout(states, **more))
    assert (found.go_on, found.roll_back) == (go_on, roll_back)
    assert found.sentence.endswith(".")


def test_a_share_that_may_fail_is_of_all_of_them():
    eight = rollout("failed failed " + "planned " * 6, max_failure_ratio=0.25)
    assert decision(eight).go_on
    assert not decision(replace(eight, max_failure_ratio=0.24)).go_on
