# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each line is counted once, over readings, restarts and new containers, however much is written between two."""

from __future__ import annotations

from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.exporter import engine, logs
from ansible_collections.corral.ollama.tests.unit.exported import SERVERS, config
from ansible_collections.corral.ollama.tests.unit.logged import NOW, Engine, entry, frame, gin, logging, stamp
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer

ONE = SERVERS[0]


class Clock:
    """22:00 and so many seconds."""

    def __init__(self):
        self.second = 0.0

    def __call__(self):
        return NOW - 3600 + self.second


def instance(number=1, name="", **more):
    service = f"ollama-server-{number}"
    return logging(name or f"ollama-{service}", project="ollama", service=service, **more)


@pytest.fixture
def reading():
    """The engine, its clock and a function that reads the count of 404 (or of another class) of the first server."""
    clock = Clock()
    with Engine(instance(), logs={}) as server, mock.patch.object(engine, "connect") as connect:
        connect.side_effect = lambda _timeout: server.api()
        reader = logs.LogsReader(config(["http://a"]), now=clock)

        def read(until, kind="http_404"):
            clock.second = until
            return reader.read().counts[ONE, kind]

        read.reader, read.engine, read.clock = reader, server, clock
        yield read


def lines(*seconds, status=404):
    return [entry(gin(status), at=stamp(second)) for second in seconds]


def says(read, *chunks, name="ollama-ollama-server-1"):
    read.engine.logs[name] = list(chunks)


def test_what_was_there_before_does_not_count(reading):
    says(reading, *lines(-10, -1.5, 2, 3))
    assert reading(10) == 2


def test_a_line_is_counted_once_and_the_next_time_the_engine_is_asked_for_less(reading):
    says(reading, *lines(1, 2, 3))
    assert [reading(10), reading(20), reading(30)] == [3, 3, 3]
    says(reading, *lines(1, 2, 3, 29.5, 31))
    assert reading(40) == 5
    assert [query["tail"] for query in reading.engine.asked] == ["2000"] * 4
    assert int(reading.engine.asked[-1]["since"]) == int(NOW - 3600 + 29)


def test_a_line_that_is_still_on_its_way_is_counted_the_next_time(reading):
    says(reading, *lines(9.5))
    assert reading(10) == 0
    says(reading, *lines(9.2, 9.5, 9.7))
    assert reading(12) == 3


def test_more_than_the_last_entries_are_read_in_full(reading):
    with mock.patch.object(logs, "_LAST", 5):
        says(reading, *lines(1, 2, 3, 4, 5))
        assert reading(10) == 5
    assert [query["tail"] for query in reading.engine.asked] == ["5", "all"]


def test_parts_of_long_lines_are_entries_too(reading):
    with mock.patch.object(logs, "_LAST", 3):
        says(reading, frame("x" * 9, at=stamp(1)), frame("y", at=stamp(1)), entry("z", at=stamp(1)))
        reading(10)
    assert len(reading.engine.asked) == 2


def test_a_flood_is_cut_and_told(reading):
    with mock.patch.object(logs, "_MOST", 1000):
        says(reading, *[b"".join(lines(1, 2, 3))] * 20)
        reading.clock.second = 10
        found = reading.reader.read()
    assert 0 < found.counts[ONE, "http_404"] < 60
    assert "more than can be counted" in found.problem
    assert reading(20) == found.counts[ONE, "http_404"], "it goes on after the flood"


def test_counts_stay_when_the_container_is_made_anew(reading):
    says(reading, *lines(1, 2))
    assert reading(10) == 2
    reading.engine.fake.all[:] = [instance(name="new")]
    says(reading, *lines(11), name="new")
    assert reading(20) == 3
    reading.engine.fake.all[:] = []
    assert reading(30) == 3


def test_containers_that_are_not_declared_are_let_be(reading):
    reading.engine.fake.all += [instance(7), logging("gateway", project="ollama", service="gateway")]
    assert reading(10) == 0
    assert len(reading.engine.asked) == 1
    assert {server for server, _kind in reading.reader.read().counts} == {ONE}


@pytest.mark.parametrize(
    "answer", [Answer(status=500, body=b"{}"), Answer(status=404), [b"\xff" * 99], Answer(body=b"xx")]
)
def test_a_log_that_cannot_be_read_is_told_and_read_from_there_later(reading, answer):
    reading.engine.logs["ollama-ollama-server-1"] = answer
    reading.clock.second = 10
    found = reading.reader.read()
    assert found.counts[ONE, "http_404"] == 0
    assert found.problem
    says(reading, *lines(5))
    assert reading(20) == 1


def test_an_engine_that_is_gone_is_connected_to_again(reading):
    says(reading, *lines(1))
    assert reading(10) == 1
    gone = mock.patch.object(reading.engine.fake, "containers", side_effect=RuntimeError("gone"))
    with gone, pytest.raises(CorralError):
        reading(20)
    assert reading.reader._connection._api is None
    assert reading(30) == 1
