# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a rollout: what it keeps, what it shows, and that nothing else passes for one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_events import (
    MAX_LINE,
    audit_events,
    audit_line,
    marked,
    new_member,
    residents_of,
    told,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.rollout_record import (
    STATES,
    Member,
    Rollout,
    parse_rollout,
)

RESIDENT = {
    "name": "a:1",
    "digest": "d" * 64,
    "size_vram": 5,
    "size": 7,
    "context_length": 4096,
    "keep_alive_seconds": None,
}
MEMBERS = (
    Member("s-1", "recreate", image="a:1", image_id="a" * 64, residents=(RESIDENT,)),
    Member("s-2", "restart", "changing", "asked", "2026", "why", "before"),
)
ROLLOUT = Rollout("r1", "alice", "41", "g" * 64, "2026", MEMBERS, before="name: x\n", event={"event": "begun"})


def document(**changes):
    return {**json.loads(ROLLOUT.as_bytes()), **changes}


def member(**changes):
    return document(members=[{**document()["members"][0], **changes}])


def test_it_is_read_as_it_was_written():
    assert parse_rollout(ROLLOUT.as_bytes()) == ROLLOUT


def test_what_a_later_version_does_not_need_may_be_missing():
    least = {"schema": 1, "id": "r", "members": [{"name": "s-1", "kind": "restart"}]}
    found = parse_rollout(json.dumps(least).encode())
    assert found is not None
    assert found.members == (Member("s-1", "restart"),)


def test_the_old_project_file_is_in_no_result():
    shown = replace(ROLLOUT, before="SECRET").shown()
    assert "SECRET" not in json.dumps(shown)
    assert shown["instances"]["s-1"]["residents"] == [RESIDENT]
    assert sorted(shown["instances"]) == ["s-1", "s-2"]


BAD = [
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 200_000,
    ROLLOUT.as_bytes()[:-30],
    *(
        json.dumps(one).encode()
        for one in (
            document(schema=2),
            document(id=""),
            document(id=5),
            document(owner="a\nb"),
            document(owner="a" * 2000),
            document(members={}),
            document(members=[None]),
            document(members=[document()["members"][0]] * 2),
            document(members=[{"name": f"s-{number}", "kind": "restart"} for number in range(300)]),
            document(direction="up"),
            document(before=None),
            document(max_unavailable=0),
            document(max_unavailable=True),
            document(max_unavailable="1"),
            document(max_failure_ratio=float("nan")),
            document(max_failure_ratio=2),
            document(max_failure_ratio=10**400),
            document(failure_action="shrug"),
            document(verdict="maybe"),
            document(seq=-1),
            document(event=[]),
            member(name="s 1"),
            member(name="s-1; disable server x"),
            member(name="s-1\n"),
            member(name="../../etc/passwd"),
            member(name="-rf"),
            member(name=""),
            member(name="s" * 200),
            member(kind="explode"),
            member(state="fine"),
            member(source="somewhere"),
            member(image_id="a" * 63),
            member(image_id="A" * 64),
            member(image_id=5),
            member(why="a\u2028b"),
            member(residents="a:1"),
            member(residents=[{"digest": "d"}]),
            member(residents=[{"name": "a:1", "size": "many"}]),
            member(residents=[{"name": "a:1", "size": True}]),
            member(residents=[{"name": "a:1", "keep_alive_seconds": float("inf")}]),
        )
    ),
]


@pytest.mark.parametrize("raw", BAD, ids=[str(number) for number in range(len(BAD))])
def test_nothing_else_passes_for_one(raw):
    assert parse_rollout(raw) is None


@pytest.mark.parametrize("state", STATES)
def test_what_is_in_doubt(state):
    one = replace(MEMBERS[0], state=state)
    assert one.in_doubt == (state in {"draining", "drained", "changing", "admitting", "failed"})
    assert replace(ROLLOUT, members=(one,)).unfinished
    assert replace(ROLLOUT, members=(one,), ended_at="2026").unfinished == one.in_doubt


def test_a_mark_changes_the_named_ones_and_becomes_an_event():
    after = marked(ROLLOUT, ["s-1"], "draining", 0.5, {"residents": [RESIDENT], "in_flight": 3})
    first, second = after.members
    assert (first.state, first.at, first.residents) == ("draining", "1970-01-01T00:00:00.500Z", (RESIDENT,))
    assert second == MEMBERS[1]
    assert after.seq == 1
    head = {"at": "1970-01-01T00:00:00.500Z", "rollout": "r1", "seq": 1, "owner": "alice", "job": "41"}
    assert after.event == {**head, "event": "draining", "instances": ["s-1"], "residents": ["a:1"], "in_flight": 3}
    assert parse_rollout(after.as_bytes()) == after
    assert residents_of(after, "s-1") == (RESIDENT,)
    assert residents_of(after, "s-9") == residents_of(None, "s-1") == ()


def test_why_lasts_until_the_next_state():
    failed = marked(ROLLOUT, ["s-1"], "failed", 1, {"why": "no\nanswer"})
    assert failed.member("s-1").why == "no answer"
    assert marked(failed, ["s-1"], "draining", 2, {}).member("s-1").why == ""


@pytest.mark.parametrize(
    ("direction", "source", "facts", "state"),
    [
        ("forward", "desired", {}, "done"),
        ("forward", "before", {}, "rolled_back"),
        ("forward", "desired", {"source": "before"}, "rolled_back"),
        ("back", "desired", {}, "rolled_back"),
    ],
)
def test_who_is_done_with_the_old_definition_is_back(direction, source, facts, state):
    rollout = replace(ROLLOUT, direction=direction, members=(replace(MEMBERS[0], source=source),))
    after = marked(rollout, ["s-1"], "done", 1, facts)
    assert (after.member("s-1").state, after.event["event"]) == (state, state)


@pytest.mark.parametrize(
    ("names", "state", "facts", "kind"),
    [
        (["s-3"], "done", {}, "rollout_unknown_instance"),
        (["s-1"], "fine", {}, "bad_input"),
        (["s-1"], "done", {"source": "elsewhere"}, "bad_input"),
        (["s-1"], "done", {"residents": [{"name": ""}]}, "bad_input"),
    ],
)
def test_a_mark_that_cannot_be_meant(names, state, facts, kind):
    with pytest.raises(CorralError) as caught:
        marked(ROLLOUT, names, state, 1, facts)
    assert caught.value.kind == kind


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a\nb", "a/b", "ä", None, 5])
def test_no_other_name_gets_in(name):
    with pytest.raises(CorralError):
        new_member(name, "restart")


@pytest.mark.parametrize("facts", [{"why": "x" * 9000}, {"list": ["y" * 500] * 90}, {"object": object(), "a": "\n"}])
def test_a_line_of_the_log_is_short_whatever_is_told(facts):
    line = audit_line(told(ROLLOUT, "drained", 1, facts).event)
    assert len(line) <= MAX_LINE
    assert line.count(b"\n") == 1
    assert audit_events(line)[0]["event"] == "drained"


def test_readers_of_the_log_leave_out_what_is_torn():
    lines = [
        audit_line({"event": "begun"}),
        b'ner": "x"}\n',
        b"\xff\n",
        b"[]\n",
        b"5\n",
        b"[" * 3000,
        b'\n{"event": 5}',
    ]
    assert audit_events(b"".join(lines)) == [{"event": "begun"}]
