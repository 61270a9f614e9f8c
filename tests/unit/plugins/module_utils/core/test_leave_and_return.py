# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decisions about who leaves and who comes back: the limit, what happened to a container, what a log may show."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.admission_verdict import (
    Life,
    crash,
    last_lines,
    model_for_the_end,
    newest,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.drain_verdict import Standing, refusal, serving
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.placement import from_notes, noted, still_there
from ansible_collections.corral.ollama.plugins.module_utils.core.residents import FOREVER, Resident


def standing(text):
    """A standing per letter: U is in service, d is not."""
    return [Standing(f"{letter}{place}", letter == "U", "UP" if letter == "U" else "DOWN") for place, letter in text]


def row(letters, first=0):
    return standing(enumerate(letters, first))


@pytest.mark.parametrize(
    ("batch", "others", "limit", "kind"),
    [
        ("U", "UUU", 1, ""),
        ("U", "UUd", 1, "too_many_out"),
        ("U", "UUd", 2, ""),
        ("UU", "UU", 2, ""),
        ("UU", "Ud", 2, "too_many_out"),
        ("U", "ddd", 9, "last_in_service"),
        ("UU", "", 2, ""),
        ("U", "", 1, ""),
        ("d", "ddd", 1, ""),
        ("d", "UUd", 1, ""),
        ("Ud", "UU", 2, ""),
        ("Ud", "Ud", 2, "too_many_out"),
        ("", "dd", 1, ""),
    ],
)
def test_who_may_leave(batch, others, limit, kind):
    found = refusal(row(batch), row(others, len(batch)), limit)
    assert (found.kind if found else "") == kind
    assert found is None or "is DOWN" in found.message


@pytest.mark.parametrize("status", ["UP 1/3", "DRAIN", "DOWN", "DOWN 1/2", "MAINT", "NOLB", "", "up"])
def test_only_up_is_up(status):
    assert (serving("UP"), serving("no check"), serving(status)) == (True, True, False)


LIFE = Life("c1", "running", "t1", 0, 0, False)


@pytest.mark.parametrize(
    ("now", "endured", "said"),
    [
        (LIFE, 0, ""),
        (None, 0, "removed or replaced"),
        (Life("c2", "running", "t1", 0, 0, False), 0, "removed or replaced"),
        (Life("c1", "running", "t1", 0, 0, True), 2, "out of memory"),
        (Life("c1", "running", "t2", 1, 3, False), 0, "restarted once (exit code 3)"),
        (Life("c1", "running", "t2", 2, 0, False), 2, ""),
        (Life("c1", "restarting", "t2", 3, 1, False), 2, "restarted 3 times (exit code 1)"),
        (Life("c1", "exited", "t1", 0, 0, False), 0, "is exited."),
        (Life("c1", "created", "t1", 0, 0, False), 2, ""),
        (Life("c1", "running", "t2", 0, 0, False), 0, "started anew"),
    ],
)
def test_what_happened_to_a_container(now, endured, said):
    found = crash(LIFE, now, "ollama-server-1", endured)
    assert (found is None) == (not said)
    assert found is None or said in found.message


def test_of_two_containers_of_one_service_the_one_that_runs_counts():
    old = {"name": "a", "state": "exited", "created_at": "2026-01-02"}
    new = {"name": "a", "state": "running", "created_at": "2026-01-01"}
    assert newest([old, new, {**new, "name": "b"}], "a") is new
    assert newest([old, {**old, "created_at": "2026-01-03"}], "a")["created_at"] == "2026-01-03"
    assert newest([], "a") is None


def test_a_log_is_told_without_colours_controls_environment_and_passwords():
    raw = b"\x1b[1;31mred\x1b[0m\x07 text\r\n\xff\xfe bad\n\n" + b"y" * 400 + b"\nhttps://me:pw@host/x failed\n"
    raw += b'msg="server config" env="map[HTTPS_PROXY:http://u:secret@p KEY:secret]"\n\x1b]0;title\x07last'
    lines = last_lines(raw, 10)
    assert lines[0] == "red  text"
    assert all(line.isprintable() and len(line) <= 301 for line in lines)
    assert lines[3] == "https://host/x failed"
    assert lines[4] == 'msg="server config" env=…'
    assert "secret" not in "".join(lines)
    assert last_lines(raw, 1) == lines[-1:]
    assert last_lines(b"", 5) == last_lines(raw, 0) == []


def resident(name, size=1, keep_alive=None):
    return Resident(parse_name(name), "a" * 64, size, 0, 0, keep_alive)


def test_the_last_question_goes_to_the_smallest_that_is_loaded():
    big, small, other = resident("big:1", 9), resident("small:1", 2), resident("other:1", 1)
    declared = [parse_name(name) for name in ("first:1", "BIG:1", "small:1")]
    assert model_for_the_end(declared, [big, small, other]) == small.name
    assert model_for_the_end(declared, [big, other]) == big.name
    assert model_for_the_end(declared, [other]) == declared[0]
    assert model_for_the_end([], [big, other]) == other.name
    assert model_for_the_end([], []) is None


@pytest.mark.parametrize(("left", "kept"), [(FOREVER, -1), (None, None), (5, 60), (300, 300)])
def test_what_is_noted_comes_back(left, kept):
    one = resident("tiny:1b", 7, left)
    assert noted(one)["keep_alive_seconds"] == kept
    assert from_notes([noted(one)])[0].keep_alive == kept


def test_notes_that_are_none():
    bad = [None, "x", {}, {"name": "no name!"}, {"name": []}, {"name": "a:1", "size": "x", "keep_alive_seconds": True}]
    assert from_notes(bad) == (Resident(parse_name("a:1"), "", 0, 0, 0, None),)
    twice = [{"name": "a:1", "size": 1}, {"name": "A:1", "size": 5}]
    assert [one.size for one in from_notes(twice)] == [5]


def test_two_readings_of_a_server_that_may_have_died_in_between():
    kept, gone, unknown, both = (
        resident("kept:1", keep_alive=FOREVER),
        resident("gone:1", keep_alive=30),
        resident("unknown:1"),
        resident("both:1", keep_alive=100),
    )
    later = resident("both:1", keep_alive=40)
    assert still_there((kept, gone, unknown, both), (later,), 60.0) == (later, kept)
    assert still_there((kept, gone), (), 10.0) == (kept, gone)
