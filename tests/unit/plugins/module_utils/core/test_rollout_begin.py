# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rollout begins, goes on after an interruption, goes back, and ends."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_begin import (
    Beginning,
    back,
    forward,
    goal_digest,
    parse_changes,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_end import ended, report, sentences
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import Member, Rollout

HEAD = Rollout("new", "bob", "7", "goal", "now", (), max_unavailable=2)
OLD = Rollout("old", "alice", "6", "goal", "then", (), before="the old file")
RUNNING = {
    f"s-{n}": {"name": f"s-{n}", "state": "running", "image": "a:1", "image_digest": "a" * 64} for n in range(1, 9)
}
BEGIN = Beginning(HEAD, RUNNING, "the file")


def members(**states):
    return tuple(
        Member(f"s-{key[1:]}", *value.split("/"), image="old:1", image_id="b" * 64) for key, value in states.items()
    )


def changes(*entries):
    return parse_changes([dict(zip(("name", "kind", "reason"), entry.split("/"))) for entry in entries])


def told(begun):
    return [f"{one.name}/{one.kind}" + ("?" if one.in_doubt else "") + ("!" if one.out else "") for one in begun.todo]


def states(begun):
    return {one.name: f"{one.kind}/{one.state}" for one in begun.rollout.members}


def test_nothing_to_do_and_nothing_left_begins_nothing():
    closed = replace(OLD, ended_at="then", members=members(s1="recreate/done"))
    assert forward(None, (), BEGIN).rollout is None
    assert forward(closed, (), BEGIN).rollout is None


def test_a_new_one_notes_how_each_was():
    begun = forward(None, changes("s-1/recreate/image", "s-9/recreate"), BEGIN)
    assert (begun.resumed, begun.rollout.id, begun.rollout.before) == (False, "new", "the file")
    first, ninth = begun.rollout.members
    assert first == Member("s-1", "recreate", reason="image", image="a:1", image_id="a" * 64)
    assert (ninth.image, ninth.image_id) == ("", "")
    assert told(begun) == ["s-1/recreate", "s-9/recreate!"]


def test_one_that_does_not_run_is_out():
    stopped = {**RUNNING, "s-2": {**RUNNING["s-2"], "state": "exited"}}
    assert told(forward(None, changes("s-2/restart"), replace(BEGIN, instances=stopped))) == ["s-2/restart!"]
    assert told(forward(None, changes("s-2/restart"), replace(BEGIN, instances={}))) == ["s-2/restart"]


def test_the_same_goal_goes_on_where_it_was():
    old = replace(
        OLD,
        members=members(
            s1="restart/done",
            s2="restart/changing",
            s3="restart/planned",
            s4="restart/rolled_back",
            s5="restart/planned",
        ),
    )
    wanted = changes(*(f"s-{number}/restart" for number in (1, 2, 3, 4, 6)))
    begun = forward(old, wanted, BEGIN)
    assert begun.resumed
    assert told(begun) == ["s-2/restart?", "s-3/restart", "s-4/restart", "s-6/restart"]
    assert states(begun) == {
        "s-1": "restart/done",
        "s-2": "restart/changing",
        "s-3": "restart/planned",
        "s-4": "restart/planned",
        "s-6": "restart/planned",
    }
    record = begun.rollout
    assert (record.id, record.before, record.owner, record.max_unavailable) == ("old", "the old file", "bob", 2)
    assert record.member("s-3").image_id == "b" * 64
    assert record.member("s-6").image_id == "a" * 64


def test_what_still_differs_was_not_done_whatever_the_record_says():
    old = replace(OLD, members=members(s1="recreate/done", s2="recreate/planned"))
    assert told(forward(old, changes("s-1/recreate", "s-2/recreate"), BEGIN)) == ["s-1/recreate", "s-2/recreate"]


@pytest.mark.parametrize("state", ["draining", "drained", "changing", "admitting", "failed"])
@pytest.mark.parametrize("goal", ["goal", "another"])
@pytest.mark.parametrize("ended_at", ["", "then"])
def test_what_was_left_in_doubt_comes_first_whatever_it_was_about(state, goal, ended_at):
    left = Member("s-5", "recreate", state, image="old:1", image_id="b" * 64, residents=({"name": "a:1"},))
    old = replace(OLD, goal=goal, ended_at=ended_at, members=(left,))
    for wanted, kind in ((changes("s-1/recreate"), "admit"), (changes("s-1/recreate", "s-5/restart"), "restart")):
        begun = forward(old, wanted, BEGIN)
        assert told(begun) == [f"s-5/{kind}?", "s-1/recreate"]
        assert begun.todo[0].reason.endswith(f"it was {state} when the rollout old was left")
        kept = begun.rollout.member("s-5")
        assert (kept.state, kept.image_id, kept.residents) == (state, "b" * 64, left.residents)
        assert begun.resumed == (goal == "goal")


def test_another_goal_is_another_rollout():
    old = replace(OLD, goal="another", members=members(s1="recreate/done", s2="recreate/planned", s3="recreate/failed"))
    begun = forward(old, changes("s-1/recreate"), BEGIN)
    assert (begun.resumed, begun.rollout.id) == (False, "new")
    assert states(begun) == {"s-3": "admit/failed", "s-1": "recreate/planned"}


def test_an_open_record_with_nothing_left_to_do_is_closed():
    old = replace(OLD, goal="another", members=members(s1="recreate/done", s2="recreate/planned"))
    begun = forward(old, (), BEGIN)
    assert begun.resumed
    assert (told(begun), states(begun)) == ([], {"s-1": "recreate/done"})
    assert ended(begun.rollout, "done", "", 1).verdict == "done"


def test_a_way_back_that_was_left_is_closed_when_nothing_differs_from_what_is_wanted_now():
    old = replace(OLD, direction="back", members=members(s1="recreate/done", s2="recreate/rolled_back"))
    begun = forward(old, (), BEGIN)
    assert (told(begun), begun.rollout.direction) == ([], "forward")
    assert ended(begun.rollout, "done", "", 1).verdict == "done"


def test_one_in_doubt_that_is_gone_and_not_wanted_needs_nothing():
    old = replace(OLD, members=members(s1="remove/changing", s20="recreate/changing"))
    begun = forward(old, (), replace(BEGIN, instances={"s-2": RUNNING["s-2"]}))
    assert told(begun) == []
    assert states(begun) == {"s-1": "remove/done", "s-20": "recreate/done"}
    assert told(forward(old, (), replace(BEGIN, instances={}))) == ["s-1/admit?", "s-20/admit?"]


def test_back_takes_what_was_changed_or_begun():
    old = replace(
        OLD,
        ended_at="then",
        members=members(
            s1="recreate/done",
            s2="remove/done",
            s3="restart/done",
            s4="restart/admitting",
            s5="recreate/planned",
            s6="recreate/rolled_back",
            s7="recreate/done",
        ),
    )
    begun = back(
        old, Beginning(HEAD, {key: RUNNING[key] for key in RUNNING if key != "s-2"}, services=["s-1", "s-2", "s-4"])
    )
    assert told(begun) == ["s-4/recreate?", "s-1/recreate", "s-2/recreate!", "s-7/remove"]
    assert (begun.rollout.id, begun.rollout.direction, begun.rollout.ended_at) == ("old", "back", "")
    assert (begun.rollout.before, begun.resumed) == ("the old file", False)
    half = replace(begun.rollout, members=tuple(replace(one, state="rolled_back") for one in begun.rollout.members[:2]))
    assert back(half, BEGIN).resumed


def test_forward_after_a_way_back_that_was_interrupted_is_a_new_rollout():
    old = replace(OLD, direction="back", members=members(s1="recreate/rolled_back", s2="recreate/changing"))
    begun = forward(old, changes("s-1/recreate", "s-2/recreate"), BEGIN)
    assert (begun.resumed, told(begun)) == (False, ["s-2/recreate?", "s-1/recreate"])


def test_no_way_back():
    with pytest.raises(CorralError) as caught:
        back(None, BEGIN)
    assert caught.value.kind == "rollout_none"
    closed = replace(OLD, ended_at="then", members=members(s1="recreate/rolled_back", s2="restart/done"))
    assert back(closed, BEGIN).rollout is None


@pytest.mark.parametrize(
    "rows",
    [
        [{"name": "s-1", "kind": "explode"}],
        [{"name": "s-1"}],
        [{"kind": "restart"}],
        [{"name": "s-1; x", "kind": "restart"}],
        [{"name": "s-1", "kind": "restart"}, {"name": "s-1", "kind": "recreate"}],
    ],
)
def test_changes_that_cannot_be_meant(rows):
    with pytest.raises(CorralError) as caught:
        parse_changes(rows)
    assert caught.value.kind == "bad_input"


def test_a_goal_can_be_compared_and_not_be_read():
    assert goal_digest("a secret") == goal_digest("a secret") != goal_digest("another")
    assert "secret" not in goal_digest("a secret")


@pytest.mark.parametrize(
    ("direction", "rows", "verdict"),
    [
        ("forward", {"s1": "recreate/done", "s2": "recreate/rolled_back"}, "done"),
        ("back", {"s1": "recreate/rolled_back", "s2": "recreate/planned", "s3": "restart/done"}, "rolled_back"),
        ("forward", {"s1": "recreate/planned"}, ""),
        ("forward", {"s1": "recreate/failed"}, ""),
        ("back", {"s1": "recreate/done"}, ""),
        ("back", {"s1": "restart/drained"}, ""),
    ],
)
def test_what_is_not_done_cannot_be_called_done(direction, rows, verdict):
    rollout = replace(OLD, direction=direction, members=members(**rows))
    if verdict:
        assert ended(rollout, "done", "", 1).verdict == verdict
        return
    with pytest.raises(CorralError) as caught:
        ended(rollout, "done", "", 1)
    assert caught.value.kind == "rollout_unfinished"
    assert "s-1" in str(caught.value)
    closed = ended(rollout, "failed", "a\nb", 1)
    assert (closed.verdict, closed.message, closed.ended_at) == ("failed", "a b", "1970-01-01T00:00:01.000Z")
    assert ended(closed, "failed", "again", 2) == closed


def test_what_is_said():
    failed = Member("s-2", "recreate", "failed", why="it generates nothing")
    rollout = replace(
        OLD, members=(*members(s1="recreate/done", s3="recreate/planned", s4="recreate/rolled_back"), failed)
    )
    assert report(rollout) == (
        "Changed and serving: s-1. Back to what they were, and serving: s-4. Not touched: s-3. "
        "Out of service: s-2 (it generates nothing)."
    )
    assert report(None) == ""
    said = sentences(rollout)
    assert said[0] == "The rollout old (alice, job 6, begun then) has not ended."
    assert said[4] == "s-2 failed and is left out of service: it generates nothing."
    assert sentences(None) == []
    closed = replace(rollout, ended_at="later", verdict="rolled_back", message="m", direction="back", job="")
    assert (
        sentences(closed)[0] == "The way back from the rollout old (alice, begun then) ended later as rolled back: m."
    )
