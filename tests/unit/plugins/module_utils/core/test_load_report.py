# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of load tests: what is a problem, in which words, and the numbers for workflows."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.load_report import (
    failures_in_words,
    load_report,
    stats_of,
)
from ansible_collections.corral.ollama.tests.unit import loaded

REPORTS = loaded.reports()


def problems(**changes):
    host = {**loaded.well(), **changes}
    return load_report({"gpu-1": host}, loaded.NOW)["problems"]


def test_a_test_that_ended_well():
    report = REPORTS["well"]
    assert (report["ok"], report["problems"]) == (True, [])
    assert report["summary"] == {
        "hosts": 2,
        "tested": 2,
        "requests": 220,
        "failed": 0,
        "error_ratio": 0.0,
        "waited": 0,
        "masked": 0,
        "p50": 0.4,
        "p95": 0.4,
        "p99": 0.4,
        "max": 0.4,
        "problems": 0,
    }
    assert stats_of(report) == {"ok": True, "tested_at": loaded.NOW, **report["summary"]}


def test_what_the_client_saw_fail():
    report = REPORTS["failing"]
    assert report["problems"] == [
        "gpu-1: 3 of 5 requests failed (60.00%, allowed are 0.00%): 1 x http_404, 1 x timeout (no complete answer"
        " within the timeout), 1 x unfinished (the answer ended in the middle). Run the playbook verify.",
        "gpu-2: it was not tested, because it failed or could not be reached before.",
    ]
    assert (report["summary"]["waited"], report["hosts"][0]["most_waiting"]) == (1, 2)


def test_what_no_client_saw():
    report = REPORTS["masked"]
    assert report["summary"]["failed"] == 0
    assert report["summary"]["masked"] == 57_461 + 27_927 + 5
    assert [text.split(":")[1] for text in report["problems"]] == [" masked"] * 4
    assert "27927 lines of 'Generation timeout' that no request failed for" in report["problems"][1]
    assert report["hosts"][0]["other_lines"] == {"prune": 1}


def test_what_is_allowed_is_told_and_no_problem():
    report = REPORTS["allowed"]
    assert report["ok"]
    # three failures were seen, so not all of the consumer's lines count as hidden
    assert report["summary"]["masked"] == 57_460 + 27_924 + 5
    assert report["hosts"][0]["masking"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"load": loaded.load(loaded.GOOD, aborted="5 of the first 6 requests failed")},
            "the test was given up: 5 of the",
        ),
        ({"load": loaded.load(loaded.GOOD, unanswered=1)}, "1 request had neither an answer nor an error at the end."),
        (
            {"logs": [{**loaded.log(), "problem": "cut"}]},
            "the logs of ollama-ollama-server-1 could not be read to their end",
        ),
    ],
)
def test_other_problems(changes, words):
    (problem,) = problems(**changes)
    assert problem.startswith(f"gpu-1: {words}")


def test_an_empty_result_is_a_problem():
    empty = loaded.load(loaded.GOOD, requests=0, failed=0)
    assert problems(load=empty) == ["gpu-1: no request was answered or failed: the test was too short for its rate."]


@pytest.mark.parametrize("host", [None, "x", {"load": {}}, {"load": None, "logs": 3}, {"load": {"started_at": ""}}])
def test_a_host_without_a_result(host):
    report = load_report({"gpu-1": host}, loaded.NOW)
    assert report["hosts"][0]["tested"] is False
    assert len(report["problems"]) == 1


def test_the_ratio_may_be_exactly_the_most():
    load = loaded.load(*[loaded.GOOD] * 9, {"class": "empty", "status": 200})
    given = {"gpu-1": {**loaded.well(), "load": load}}
    assert load_report(given, loaded.NOW, 0.1)["ok"]
    assert not load_report(given, loaded.NOW, 0.0999)["ok"]


def test_many_kinds_of_failure_are_cut():
    many = [{"class": f"http_{400 + n}", "count": 1} for n in range(9)]
    assert failures_in_words(many).endswith("1 x http_404, and 4 kinds more")


@pytest.mark.parametrize("about", REPORTS)
def test_it_is_json(about):
    assert json.loads(json.dumps(REPORTS[about])) == REPORTS[about]
