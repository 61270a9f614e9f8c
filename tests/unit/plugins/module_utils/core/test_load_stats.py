# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of the generator put together: percentiles against another implementation, groups, failures, the course."""

from __future__ import annotations

import json
import random
import statistics

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core import load_stats
from ansible_collections.corral.ollama.plugins.module_utils.core.load_stats import Tally, percentile, spread

MIX = [
    {"model": "mistral:7b", "kind": "generate", "stream": True},
    {"model": "nomic-embed-text:v1.5", "kind": "embed", "stream": True},
]
TARGETS = ["ollama-server-1", "ollama-server-2"]


def record(at=0.0, mix=0, target=0, **changes):
    return {
        "n": 0,
        "at": at,
        "mix": mix,
        "target": target,
        "wait": 0.0,
        "class": "ok",
        "status": 200,
        "took": 1.0,
        **changes,
    }


def tallied(*records, duration=60.0):
    tally = Tally(MIX, TARGETS, duration)
    assert all(tally.take(one) for one in records)
    found = tally.result()
    assert json.loads(json.dumps(found)) == found
    return found


@pytest.mark.parametrize(
    ("values", "share", "wanted"),
    [
        ([], 50, 0.0),
        ([7.0], 99.9, 7.0),
        ([1.0, 2.0], 50, 1.0),
        ([1.0, 2.0, 3.0], 50, 2.0),
        (list(range(1, 101)), 90, 90),
        (list(range(1, 101)), 99.9, 100),
        (list(range(1, 1001)), 99.9, 999),
        (list(range(1, 10_001)), 99.9, 9990),
    ],
)
def test_percentiles_by_hand(values, share, wanted):
    assert percentile(values, share) == wanted


@pytest.mark.parametrize("count", [1, 2, 3, 10, 99, 100, 101, 1000, 2345])
def test_percentiles_against_their_definition(count):
    """The smallest value that so many percent of all are not above."""
    chance = random.Random(count)
    values = sorted(chance.lognormvariate(0, 1) for _unused in range(count))
    for share in (50, 90, 95, 99, 99.9):
        found = percentile(values, share)
        assert found in values
        assert sum(value <= found for value in values) * 1000 >= round(share * 10) * count
        assert sum(value < found for value in values) * 1000 < round(share * 10) * count


def test_percentiles_against_the_library():
    """quantiles() interpolates; nearest rank is never further away than its two neighbours."""
    chance = random.Random(5)
    values = sorted(chance.expovariate(1) for _unused in range(1000))
    cuts = statistics.quantiles(values, n=1000, method="inclusive")
    for share in (50, 90, 95, 99, 99.9):
        place = round(share * 10) - 1
        assert values[place - 1] <= cuts[place] <= values[place + 1]
        assert percentile(values, share) == values[place]
    assert spread(values)["mean"] == pytest.approx(statistics.mean(values), abs=1e-6)
    assert spread(values)["max"] == pytest.approx(values[-1], abs=1e-6)


def test_latency_runs_from_the_planned_moment():
    found = tallied(record(wait=2.0, took=0.5, first=0.1, speed=50.0, tokens=20), record(took=0.25))
    assert (found["latency"]["max"], found["latency_from_send"]["max"]) == (2.5, 0.5)
    assert found["first_token"]["max"] == pytest.approx(2.1)
    assert (found["waited"], found["tokens"]) == (1, 20)
    assert found["tokens_per_second"] == {"p50": 50.0, "p10": 50.0, "min": 50.0}


def test_failures_are_counted_and_not_timed():
    found = tallied(record(), record(**{"class": "timeout"}, took=300.0, status=0, exception="Timeout", text="late"))
    assert (found["requests"], found["failed"], found["latency"]["max"]) == (2, 1, 1.0)
    (failure,) = found["failures"]
    assert failure == {
        "class": "timeout",
        "status": 0,
        "exception": "Timeout",
        "count": 1,
        "samples": ["late"],
        "instances": {"ollama-server-1": 1},
    }


def test_failures_are_told_apart_by_class_status_and_exception():
    given = [
        {"class": "http_503", "status": 503},
        {"class": "http_503", "status": 503},
        {"class": "http_404", "status": 404},
        {"class": "connection_reset", "status": 0, "exception": "ConnectionError"},
        {"class": "connection_reset", "status": 0, "exception": "ChunkedEncodingError"},
    ]
    found = tallied(*(record(**one) for one in given))["failures"]
    assert [(one["class"], one["count"]) for one in found] == [
        ("http_503", 2),
        ("connection_reset", 1),
        ("connection_reset", 1),
        ("http_404", 1),
    ]


def test_groups_by_model_and_who_answered():
    found = tallied(
        record(instance="ollama-server-7"),
        record(target=1),
        record(mix=1, instance="<script>"),
        record(instance="x" * 500),
    )
    assert [(one["model"], one["kind"], one["instance"], one["requests"]) for one in found["groups"]] == [
        ("mistral:7b", "generate", "ollama-server-1", 1),
        ("mistral:7b", "generate", "ollama-server-2", 1),
        ("mistral:7b", "generate", "ollama-server-7", 1),
        ("nomic-embed-text:v1.5", "embed", "ollama-server-1", 1),
    ]


def test_the_course_of_a_minute_and_of_a_week():
    found = tallied(record(at=0.5), record(at=2.9, took=3.0, first=0.5), record(at=2.1, **{"class": "empty"}))
    assert found["step_seconds"] == 1.0
    told = [(one["at"], one["requests"], one["failed"], one["done"], one["p50"]) for one in found["course"]]
    # The last answer came at 5.9 s, when no request was planned any more.
    assert told == [
        (0.0, 1, 0, 0, 1.0),
        (1.0, 0, 0, 1, None),
        (2.0, 2, 1, 0, 3.0),
        (3.0, 0, 0, 0, None),
        (4.0, 0, 0, 0, None),
        (5.0, 0, 0, 1, None),
    ]
    late = tallied(record(at=59.0, took=9999.0))["course"]
    assert (len(late), late[-1]["done"]) == (load_stats.MOST_STEPS + 1, 1)
    week = 7 * 86400.0
    found = tallied(*(record(at=week * part / 1000) for part in range(1001)), duration=week)
    assert len(found["course"]) == load_stats.STEPS + 1
    assert sum(step["requests"] for step in found["course"]) == 1001


@pytest.mark.parametrize(
    "odd", [{}, {"mix": 5}, {"mix": -1}, {"target": 2}, {"mix": "0"}, {"mix": None, "target": None}]
)
def test_what_is_not_of_this_test_is_not_counted(odd):
    tally = Tally(MIX, TARGETS, 60.0)
    assert not tally.take({**record(), **odd} if odd else {})
    assert tally.result()["requests"] == 0


def test_hostile_lines_are_bounded(monkeypatch):
    monkeypatch.setattr(load_stats, "MOST_GROUPS", 10)
    lines = [
        record(
            instance=f"server-{n}",
            **{"class": f"<{n}>"},
            exception="e" * 500 + str(n),
            status=float("nan"),
            text="t" * 999,
        )
        for n in range(100)
    ]
    found = tallied(*lines, record(took=float("inf"), wait="long", tokens=True))
    assert len(found["groups"]) <= 12
    assert "others" in [one["instance"] for one in found["groups"]]
    assert sum(one["count"] for one in found["failures"]) == 100
    assert {one["class"] for one in found["failures"]} == {"unknown"}
    assert all(len(text) <= 300 for one in found["failures"] for text in one["samples"])
    assert found["latency"]["max"] == 0.0


def test_nothing_at_all():
    found = tallied()
    assert (found["requests"], found["groups"], found["failures"], found["course"]) == (0, [], [], [])
    assert found["first_token"] is None
