# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened to the containers in between: by itself, by Corral, or by somebody else."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_memory import (
    VerifyMemory,
    memory_of,
    parse_verify_memory,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.verify_restarts import (
    changes_by_corral,
    restart_findings,
)

NOW = 1795302000.0  # 2026-11-21T23:00:00Z
FIRST, LATER = "2026-11-21T20:00:00.5Z", "2026-11-21T22:30:00Z"


def row(name="ollama-server-1", **changes):
    given = {"name": name, "container": f"ollama-{name}", "id": "a", "created_at": FIRST, "started_at": FIRST}
    return {**given, "restarts": 0, "oom_killed": False, **changes}


def found(now, before=None, spans=None, most=0, at=NOW - 3600):
    memory = memory_of([before], at) if before else VerifyMemory(at)
    told = restart_findings([now], memory, spans or {}, most)
    return [(one.check, one.severity) for one in told]


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (row(), row(), []),
        (row(restarts=1, started_at=LATER), row(), [("restarts", "problem")]),
        (row(restarts=4), row(restarts=4), []),
        (row(restarts=2, started_at=LATER), row(restarts=4), [("restarts", "problem")]),  # counted anew: both since
        (row(id="b"), row(restarts=4), []),  # made anew
        (row(id="b", restarts=1), row(), [("restarts", "problem")]),
        (row(started_at=LATER), row(), [("restarts", "warning")]),  # by whomever
        (row(oom_killed=True), row(), [("oom", "problem")]),
        (row(oom_killed=True), row(oom_killed=True), []),
        (
            row(oom_killed=True, started_at=LATER, restarts=1),
            row(oom_killed=True),
            [("restarts", "problem"), ("oom", "problem")],
        ),
        (row("ollama-server-9"), row(), []),
        (row("ollama-server-9", restarts=1), row(), [("restarts", "problem")]),
    ],
)
def test_what_happened_since_the_last_look(now, before, expected):
    assert found(now, before) == expected


def test_what_is_seen_for_the_first_time_may_be_old():
    assert found(row(restarts=3, oom_killed=True), at=0.0) == [("restarts", "warning"), ("oom", "warning")]


def test_as_many_as_are_allowed():
    assert found(row(restarts=2), row(), most=2) == [("restarts", "warning")]
    assert found(row(restarts=3), row(), most=2) == [("restarts", "problem")]


def event(what, at, *names):
    return {"event": what, "at": at, "instances": list(names)}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], [("restarts", "warning")]),
        ([event("changing", "2026-11-21T22:29:59Z", "ollama-server-1")], []),  # under way
        (
            [
                event("changing", "2026-11-21T22:29:58.250Z", "ollama-server-2", "ollama-server-1"),
                event("admitting", "2026-11-21T22:30:04Z", "ollama-server-1"),
            ],
            [],
        ),
        (
            [
                event("changing", "2026-11-21T21:00:00Z", "ollama-server-1"),
                event("done", "2026-11-21T21:01:00Z", "ollama-server-1"),
            ],
            [("restarts", "warning")],
        ),
        ([event("changing", "2026-11-21T22:29:59Z", "ollama-server-2")], [("restarts", "warning")]),
        (
            [event("changing", "", "ollama-server-1"), {"event": 7}, {"at": LATER, "instances": "x"}],
            [("restarts", "warning")],
        ),
    ],
)
def test_a_start_by_corral_is_no_finding(events, expected):
    assert found(row(started_at=LATER), row(), changes_by_corral(events)) == expected


def test_an_end_by_itself_is_one_in_a_rollout_too():
    spans = changes_by_corral([event("changing", "2026-11-21T22:29:59Z", "ollama-server-1")])
    assert found(row(started_at=LATER, restarts=1), row(), spans) == [("restarts", "problem")]


def test_a_host_that_was_restarted_is_told_once():
    names = [f"ollama-server-{number}" for number in (1, 2, 3)]
    memory = memory_of(map(row, names), NOW - 3600)
    told = restart_findings([row(name, started_at=LATER) for name in names], memory, {})
    assert [(one.instance, one.severity) for one in told] == [("", "warning")]
    assert "ollama-server-1, ollama-server-2, ollama-server-3: started anew since 2026-11-21 22:00" in told[0].message
    assert "the host or its engine was restarted" in told[0].message


def test_the_words_of_an_end():
    (one,) = restart_findings([row(restarts=2, started_at=LATER)], memory_of([row()], NOW - 3600), {})
    assert one.message == (
        "ollama-server-1: its server ended by itself 2 times since 2026-11-21 22:00:00Z, and the engine started it"
        " again, the last time at 2026-11-21T22:30:00Z. Look at the end of its log before that (docker logs"
        " ollama-ollama-server-1)."
    )


def test_the_memory_comes_back():
    memory = memory_of([row(), row("ollama-server-2", restarts=3, oom_killed=True)], NOW)
    assert parse_verify_memory(memory.as_bytes(), NOW) == memory


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b'{"schema": 2, "at": 1, "instances": {}}',
        b'{"schema": 1, "at": 9e99, "instances": {}}',
        b'{"schema": 1, "at": true, "instances": {}}',
        b'{"schema": 1, "at": 1, "instances": []}',
        b'{"schema": 1, "at": 1, "instances": {"a": {"id": "b"}}}',
        b'{"schema": 1, "at": 1, "instances": {"a": {"id": "b", "started_at": "", "restarts": "x", "oom_killed": 0}}}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_memory_is_a_first_look(raw):
    assert parse_verify_memory(raw, NOW) == VerifyMemory()
