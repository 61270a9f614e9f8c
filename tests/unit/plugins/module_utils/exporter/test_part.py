# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part is read at most so often, by one at a time, and nobody waits for one that hangs longer than once."""

from __future__ import annotations

import threading
import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_seen import Logs
from ansible_collections.corral.ollama.plugins.module_utils.exporter.part import Part


class Read:
    """Gives the answers in turn; an event is waited for first, an exception is raised."""

    def __init__(self, *answers):
        self.answers, self.count = list(answers), 0

    def __call__(self):
        self.count += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, threading.Event):
            answer.wait(30)
            return "late"
        if isinstance(answer, Exception):
            raise answer
        return answer


def scraped(part):
    part.refresh()
    part.wait()
    return part.value


def test_a_reading_counts_for_a_while():
    read = Read("first", "second")
    part = Part("store", read, "", 3600, 30, print)
    assert [scraped(part) for _scrape in range(100)] == ["first"] * 100
    assert (read.count, part.problem) == (1, "")
    part._begun -= 3600
    assert (scraped(part), read.count) == ("second", 2)


@pytest.mark.parametrize(
    "error", [CorralError("The engine is gone."), RecursionError("deep"), KeyError("x"), OSError(5, "y")]
)
def test_what_fails_leaves_what_was_known(error):
    said = []
    part = Part("store", Read("first", error, error, "last"), "", 0, 30, said.append)
    assert (scraped(part), part.problem) == ("first", "")
    assert scraped(part) == "first"
    assert str(error) in part.problem
    scraped(part)
    assert (scraped(part), part.problem) == ("last", "")
    assert [line.split()[0] for line in said] == ["store:", "store:"], "once when it fails, once when it is well again"


def test_a_value_may_say_that_it_is_not_whole():
    part = Part("logs", Read(Logs(problem="One log is unreadable.")), Logs(), 60, 30, print)
    scraped(part)
    assert part.problem == "One log is unreadable."


def test_one_that_hangs_is_waited_for_once_and_read_by_one():
    hang = threading.Event()
    read = Read("first", hang)
    part = Part("engine", read, "", 0, 0.2, print)
    assert scraped(part) == "first"
    assert scraped(part) == "first"
    assert "longer than 0.2 s" in part.problem
    began = time.monotonic()
    for _scrape in range(50):
        assert scraped(part) == "first"
    # fifty scrapes that waited would take ten seconds
    assert time.monotonic() - began < 5
    assert read.count == 2
    hang.set()
    part._ended.wait(30)
    assert (part.value, part.problem) == ("late", "")


def test_before_the_first_reading_it_is_not_well():
    assert Part("engine", Read(""), "", 0, 1, print).problem == "it was not read yet"
