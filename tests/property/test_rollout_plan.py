# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of a rolling change, whatever there is to do: never more absent than may be, every instance exactly once,
those in doubt first, the canary alone; and whatever a record was left in, runs that are killed again and again finish
it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_begin import Beginning, back, forward
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_end import ended
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_events import marked
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_plan import (
    Knobs,
    Todo,
    batches,
    max_unavailable,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import (
    KINDS,
    STATES,
    Member,
    Rollout,
    parse_rollout,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = [f"ollama-server-{number}" for number in range(1, 13)]
KNOBS = st.builds(Knobs, st.integers(1, 5), st.integers(0, 6), st.integers(0, 3))


@st.composite
def work(draw: st.DrawFn) -> tuple[list[Todo], list[str]]:
    """What is to be done, and who else is out."""
    names = draw(st.permutations(NAMES))
    size = draw(st.integers(0, len(names)))
    flags = st.sampled_from([(False, False), (False, False), (True, False), (False, True), (True, True)])
    todo = [Todo(name, draw(st.sampled_from(KINDS)), "", *draw(flags)) for name in names[:size]]
    return todo, names[size : size + draw(st.integers(0, 3))]


@given(work=work(), knobs=KNOBS)
def test_never_more_are_absent_than_may_be(work: tuple[list[Todo], list[str]], knobs: Knobs):
    todo, others = work
    absent = {*others, *(one.name for one in todo if one.in_doubt or one.out)}
    if len(others) >= knobs.limit and any(not one.in_doubt and not one.out for one in todo):
        with pytest.raises(CorralError, match="max_unavailable"):
            batches(todo, others, knobs)
        return
    order = batches(todo, others, knobs)
    before = len(absent)
    for batch in order:
        together = absent | set(batch.names)
        assert len(together) <= max(before, knobs.limit)
        assert len(together) <= knobs.limit or together == absent, "nobody goes while too many are out"
        assert len(batch.members) <= max(1, min(knobs.batch or knobs.limit, knobs.limit))
        absent -= set(batch.names)
    assert absent == set(others)


@given(work=work(), knobs=KNOBS)
def test_every_instance_exactly_once_and_in_order(work: tuple[list[Todo], list[str]], knobs: Knobs):
    todo, _others = work
    order = batches(todo, (), knobs)
    members = [one for batch in order for one in batch.members]
    assert sorted(one.name for one in members) == sorted(one.name for one in todo)
    ranks = [0 if one.in_doubt else 1 if one.out else 2 for one in members]
    assert ranks == sorted(ranks), "those that serve nobody come first"
    canaries = [batch for batch in order if batch.canary]
    assert all(len(batch.members) == 1 and batch.members[0].kind in ("recreate", "restart") for batch in canaries)
    assert len(canaries) in (0, knobs.canary)
    serving = [batch for batch in order if not batch.members[0].in_doubt and not batch.members[0].out]
    assert serving[: len(canaries)] == canaries, "nobody who serves goes before the canary"
    assert not canaries or len(serving) > len(canaries)


@given(total=st.integers(0, 200), share=st.integers(1, 100))
def test_a_share_is_never_more_than_that_share_but_one(total: int, share: int):
    found = max_unavailable(f"{share}%", total)
    assert found == 1 or found * 100 <= total * share
    assert (found + 1) * 100 > total * share


@st.composite
def records(draw: st.DrawFn) -> Rollout:
    """A record as a killed run may have left it."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=8))
    members = tuple(Member(name, draw(st.sampled_from(KINDS)), draw(st.sampled_from(STATES))) for name in names)
    over = draw(st.booleans())
    direction = draw(st.sampled_from(["forward", "back"]))
    goal = draw(st.sampled_from(["goal", "another"]))
    return Rollout("old", "alice", "", goal, "then", members, direction, "before", ended_at="then" if over else "")


def killed_run(draw: st.DrawFn, record: Rollout, names: list[str], out: set[str]) -> Rollout:
    """Go through the states of each, fail or stop anywhere; ``out`` is who really is out of service then."""
    for name in names:
        for state in ("draining", "drained", "changing", "admitting", "done"):
            end = draw(st.integers(0, 12))
            if end == 0:
                return record
            record = marked(record, [name], state if end > 1 else "failed", 1.0, {})
            out.add(name)
            if end == 1:
                return record
        out.discard(name)
    return record


@given(data=st.data(), old=records(), way_back=st.booleans())
def test_runs_that_are_killed_again_and_again_finish_it(data: st.DataObject, old: Rollout, way_back: bool):
    wanted = set(data.draw(st.lists(st.sampled_from(NAMES), unique=True)))
    instances = {name: {"name": name, "state": "running"} for name in NAMES}
    head = Rollout("new", "bob", "", "goal", "now", ())
    record = old
    out = {one.name for one in old.in_doubt}
    for number in range(9):
        begin = Beginning(head, instances, "before")
        todo = [Todo(name, "recreate") for name in NAMES if name in wanted]
        begun = back(record, begin) if way_back else forward(record, todo, begin)
        assert out <= {one.name for one in begun.todo if one.in_doubt}, "none in doubt is forgotten"
        if begun.rollout is None:
            break
        names = [name for batch in batches(begun.todo, (), Knobs()) for name in batch.names]
        record = parse_rollout(begun.rollout.as_bytes())
        assert record == begun.rollout
        if number > 5:
            record = ended(marked(record, names, "done", 1.0, {}), "done", "", 1.0)
            out.clear()
        else:
            record = killed_run(data.draw, record, names, out)
        wanted -= {one.name for one in record.members if one.state == "done"}
    assert begun.rollout is None, "once it is done there is nothing left to do"
    assert not record.unfinished
    assert way_back or not wanted


@given(old=records())
def test_a_record_is_read_as_it_was_written(old: Rollout):
    assert parse_rollout(old.as_bytes()) == old
    assert parse_rollout(old.as_bytes()[:-3]) is None
    assert replace(old, ended_at="then").unfinished == bool(old.in_doubt)
