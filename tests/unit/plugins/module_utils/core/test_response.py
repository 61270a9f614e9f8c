# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about alerts, and what is not: the allow-list, the cooldown, the cap, one at a time."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.response_plan import (
    DEFAULTS,
    Alert,
    decide,
    parse_alerts,
    parse_policy,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.response_record import (
    Response,
    begun,
    ended,
    parse_record,
    record_bytes,
)

NOW = 1_800_000_000.0
POLICY = parse_policy(DEFAULTS, 1800.0, 3, 1)
HOST = ("s-1", "s-2", "s-3")
DAMAGED, OVERDUE = Alert("CorralStoreDamaged"), Alert("CorralScrubOverdue")
DOWN, SILENT = Alert("CorralInstanceDown", "s-1"), Alert("CorralModelSilent", "s-1")


def past(seconds, action="repair", subject="store", outcome="done", until=7200.0, name="x"):
    return Response(name, action, subject, "CorralX", NOW - seconds, NOW - seconds + until, "ann", outcome=outcome)


def decided(*alerts, record=(), policy=POLICY, now=NOW):
    return decide(alerts, policy, record, HOST, now)


@pytest.mark.parametrize(
    ("alerts", "action", "subject"),
    [
        ((), "", ""),
        ((DAMAGED,), "repair", "store"),
        ((OVERDUE,), "scrub", "store"),
        ((DOWN,), "restart", "s-1"),
        ((DOWN, SILENT), "restart", "s-1"),
        ((OVERDUE, DOWN, DAMAGED), "repair", "store"),
        ((OVERDUE, DOWN), "restart", "s-1"),
        ((Alert("CorralDiskLow"),), "", ""),
        ((Alert("CorralInstanceDown", "s-9"),), "", ""),
        ((Alert("CorralInstanceDown"),), "", ""),
        ((DOWN, Alert("CorralInstanceDown", "s-2")), "", ""),
        ((DOWN, Alert("CorralInstanceDown", "s-2"), OVERDUE), "scrub", "store"),
    ],
)
def test_one_thing_at_most_and_what_helps_the_most(alerts, action, subject):
    found = decided(*alerts)
    assert (found.action, found.subject) == (action, subject)
    told = {(one.alert, one.server) for one in found.refused} | {(name, "") for name in found.alerts}
    # Each alert is answered, or refused with a reason.
    assert {alert.name for alert in alerts} == {name for name, _server in told}
    assert all(one.why for one in found.refused)


@pytest.mark.parametrize(
    ("record", "done", "why"),
    [
        ((), True, ""),
        ((past(1799.0),), False, "(done), and the cooldown is 1800 s"),
        ((past(1799.0, outcome="failed"),), False, "(failed), and the cooldown"),
        ((past(1801.0),), True, ""),
        ((past(10.0, "restart", "s-1"),), True, ""),
        # A clock that was set back does not lift a limit, one from another year does not last for ever.
        ((past(-600.0),), False, "cooldown"),
        ((past(-4000.0),), True, ""),
        (tuple(past(10.0, "restart", f"s-{n}", name=str(n)) for n in range(3)), False, "3 within the last hour"),
        (tuple(past(10.0 + n, "restart", f"s-{n}", name=str(n)) for n in range(2)), True, ""),
        (tuple(past(3601.0, "restart", f"s-{n}", name=str(n)) for n in range(3)), True, ""),
        ((past(2000.0, "scrub", outcome=""),), False, "scrub of store is at work since 2027-01-15 07:26:40Z (ann)"),
        # Nobody has ended it, and whoever began it counts as dead.
        ((past(7201.0, "scrub", outcome=""),), True, ""),
        ((past(-90.0, "scrub", outcome=""),), True, ""),
    ],
)
def test_limits(record, done, why):
    found = decided(DAMAGED, record=record)
    assert bool(found.action) is done
    assert done or why in found.refused[0].why, found.refused


def test_the_cooldown_is_of_one_instance():
    record = (past(10.0, "restart", "s-1"),)
    assert decided(DOWN, record=record).action == ""
    assert decided(Alert("CorralInstanceDown", "s-2"), record=record).subject == "s-2"


def test_limits_of_nothing():
    never = parse_policy(DEFAULTS, 0.0, 0, 0)
    assert decided(DAMAGED, policy=never).refused[0].why == "0 within the last hour, and the cap is 0"
    assert "a person has to look" in decided(DOWN, policy=never).refused[0].why
    always = parse_policy(DEFAULTS, 0.0, 9, 9)
    assert decided(DAMAGED, policy=always, record=(past(0.0),)).action == "repair"
    assert decided(DOWN, Alert("CorralInstanceDown", "s-2"), policy=always).subject == "s-1"


def test_sentences():
    found = decided(DAMAGED, DOWN, Alert("CorralDrift"))
    assert found.sentences() == [
        "repair the store, because of CorralStoreDamaged",
        "nothing about CorralDrift: it is not on the allow-list",
        "nothing about CorralInstanceDown of s-1: one thing at a time, and repair of store comes first",
    ]
    assert decided(DOWN).sentences(True) == ["would restart s-1, because of CorralInstanceDown"]
    assert decided(OVERDUE).sentences(True) == ["would scrub the store, because of CorralScrubOverdue"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"alert": "{{ 1 }}"}, "no alert's name"),
        ({"alert": None}, "no alert's name"),
        ({"alert": "A" * 101}, "no alert's name"),
        ({"alert": "A", "server": "a b"}, "no instance's name"),
        ({"alert": "A", "server": "../x"}, "no instance's name"),
        ({"alert": "A", "server": 7}, "no instance's name"),
    ],
)
def test_alerts_that_cannot_be(row, said):
    with pytest.raises(BadInput, match=said):
        parse_alerts([row])


def test_alerts_are_taken_once_and_not_without_end():
    rows = [{"alert": "B"}, {"alert": "A", "server": "s-2"}, {"alert": "A", "server": "s-1"}, {"alert": "B"}]
    assert parse_alerts(rows) == (Alert("A", "s-1"), Alert("A", "s-2"), Alert("B"))
    with pytest.raises(BadInput, match="501 alerts"):
        parse_alerts([{"alert": "A"}] * 501)


@pytest.mark.parametrize(
    "changed",
    [
        {"actions": {"A": "reboot"}},
        {"actions": {"A": None}},
        {"actions": {"a b": "repair"}},
        {"cooldown": -1.0},
        {"cooldown": float("nan")},
        {"max_per_hour": -1},
        {"max_instances": -1},
    ],
)
def test_a_policy_that_cannot_be(changed):
    with pytest.raises(BadInput, match="An alert has one of the actions repair, restart, scrub"):
        parse_policy(**{"actions": DEFAULTS, "cooldown": 1.0, "max_per_hour": 1, "max_instances": 1, **changed})


def test_the_record_closes_what_was_left_and_forgets_what_is_old():
    old = [past(86400.0 * 31, name="old"), past(9000.0, outcome="", name="left"), past(60.0, name="done")]
    record = begun(tuple(old), past(0.0, "scrub", outcome="", name="new"))
    assert [(one.id, one.outcome) for one in record] == [("left", "interrupted"), ("done", "done"), ("new", "")]
    assert parse_record(record_bytes(record)) == record
    closed = ended(record, "new", "failed", "it burnt", NOW + 5)
    assert (closed[-1].outcome, closed[-1].why, closed[-1].ended_at) == ("failed", "it burnt", NOW + 5)
    assert ended(closed, "new", "failed", "again", NOW + 9) == closed
    # It was given up, and came back.
    assert ended(record, "left", "done", "", NOW)[0].outcome == "done"
    many = tuple(past(1.0, name=str(number)) for number in range(400))
    assert len(begun(many, past(0.0, name="new"))) == 300


@pytest.mark.parametrize(
    "changed",
    [
        {"id": ""},
        {"id": 7},
        {"action": "reboot"},
        {"outcome": "perhaps"},
        {"at": "now"},
        {"at": True},
        {"at": -1.0},
        {"until": 1e12},
        {"why": "x" * 1001},
    ],
)
def test_a_record_that_cannot_be_is_none(changed):
    row = {**past(0.0).as_dict(), **changed}
    assert parse_record(json.dumps({"schema": 1, "responses": [row]}).encode()) is None


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b"{}", b'{"schema": 2, "responses": []}', b'{"schema": 1, "responses": {}}', b"[" * 100_000],
)
def test_a_file_that_is_no_record_is_none(raw):
    assert parse_record(raw) is None


def test_two_of_one_name_are_no_record():
    assert parse_record(record_bytes((past(0.0), past(1.0)))) is None
