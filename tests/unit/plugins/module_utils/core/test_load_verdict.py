# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both views side by side: what the client saw, what was logged, and what of it was masked."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.load_verdict import (
    consumer_rows,
    gateway_delta,
    masked_sentences,
    other_lines,
    side_by_side,
)


def failed(**counts):
    return [{"class": name, "count": count} for name, count in counts.items()]


def log(container="ollama-server-1", fine=False, **counts):
    return {"container": container, "classes": {name: {"count": count, "ok": fine} for name, count in counts.items()}}


@pytest.mark.parametrize(
    ("client", "logged", "row", "wanted"),
    [
        ({}, {}, "404", (0, 0, 0)),
        ({"http_404": 3}, {"http_404": 3}, "404", (3, 3, 0)),
        ({"http_404": 1}, {"http_404": 57_461}, "404", (1, 57_461, 57_460)),
        ({"http_404": 5}, {}, "404", (5, 0, 0)),
        ({"timeout": 2}, {"http_499": 2}, "499", (2, 2, 0)),
        ({"http_504": 2}, {"http_499": 3}, "499", (2, 3, 1)),
        ({"error_line": 1}, {"http_500": 1}, "500", (1, 1, 0)),
        ({}, {"http_500": 4}, "500", (0, 4, 4)),
        ({"http_503": 9}, {"http_503": 10}, "503", (9, 10, 1)),
        # one event writes one line or several: only what nobody saw at all was masked
        ({"http_500": 1}, {"load_timeout": 4, "http_500": 1}, "timeouts", (1, 4, 0)),
        ({}, {"load_timeout": 4}, "timeouts", (0, 4, 4)),
        ({"unfinished": 1}, {"runner_crash": 2}, "crashes", (1, 2, 0)),
        ({"http_502": 1}, {"runner_crash": 2}, "crashes", (1, 2, 0)),
        ({}, {"runner_crash": 2}, "crashes", (0, 2, 2)),
    ],
)
def test_one_class(client, logged, row, wanted):
    rows = {one.name: one for one in side_by_side(failed(**client), [log(**logged)])}
    assert (rows[row].client, rows[row].logged, rows[row].masked) == wanted
    assert sum(one.masked for one in rows.values()) == wanted[2]


def test_all_instances_are_added_up():
    (row, *_others) = side_by_side(failed(http_404=1), [log("a", http_404=2), log("b", http_404=3)])
    assert (row.client, row.logged, row.masked) == (1, 5, 4)


def test_what_the_thresholds_allow_is_not_masked():
    rows = side_by_side([], [log(fine=True, http_499=5), log(fine=True, http_404=2)])
    assert [(one.logged, one.masked) for one in rows if one.logged] == [(2, 0), (5, 0)]
    # one log over its thresholds, and all lines count
    rows = side_by_side([], [log(fine=True, http_499=5), log(http_499=20)])
    assert [one.masked for one in rows if one.logged] == [25]


def test_consumers_have_classes_of_their_own():
    logs = [log(http_404=3), log("reranker", **{"status=404": 40, "Generation timeout": 2})]
    found = consumer_rows(logs, failed=5)
    assert [(one["class"], one["logged"], one["masked"]) for one in found] == [
        ("status=404", 40, 35),
        ("Generation timeout", 2, 0),
    ]
    assert consumer_rows([log("reranker", fine=True, x=3)], 0)[0]["masked"] == 0


def test_lines_that_are_no_requests():
    assert other_lines([log(prune=1, pull_retry=0), log(prune=2, http_404=9)]) == {"prune": 3}


def gateway(retries=0, redispatches=0, pid=10, uptime=100, **server):
    about = {"reachable": True, "pid": pid, "uptime_seconds": uptime, "retries": retries, "redispatches": redispatches}
    return {"gateway": about, "servers": [{"name": "ollama-server-1", **server}] if server else []}


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (gateway(3, 1), gateway(5, 4, uptime=160), (2, 3, False)),
        (gateway(3, 1), gateway(1, 0, pid=11, uptime=5), (1, 0, True)),
        # the same number in another namespace: a process that is younger than it was is another one
        (gateway(3, 1), gateway(9, 9, uptime=5), (9, 9, True)),
    ],
)
def test_what_the_gateway_tried_again(before, after, wanted):
    found = gateway_delta(before, after)
    assert (found["retries"], found["redispatches"], found["reloaded"]) == wanted


def test_the_servers_of_the_gateway_that_had_trouble():
    found = gateway_delta(gateway(connection_errors=1), gateway(uptime=200, connection_errors=4, responses_5xx=2))
    (server,) = found["servers"]
    assert (server["connection_errors"], server["responses_5xx"], server["retries"]) == (3, 2, 0)
    assert gateway_delta(gateway(retries=1), gateway(retries=1, uptime=101))["servers"] == []


@pytest.mark.parametrize("other", [{}, {"gateway": {"reachable": False}}, {"gateway": None}])
def test_a_gateway_that_was_not_asked(other):
    assert gateway_delta(other, gateway()) == {} == gateway_delta(gateway(), other)


def test_the_words():
    rows = side_by_side(failed(http_404=1), [log(http_404=3)])
    consumers = consumer_rows([log("reranker", **{"status=404": 40})], 1)
    told = masked_sentences(rows, consumers, {"retries": 1, "redispatches": 2})
    assert told == [
        "404 (model or route not found): the servers logged 3, the client saw 1; 2 were hidden by whoever tried again,"
        " or belong to other clients.",
        "reranker logged 40 lines of 'status=404' that no request failed for.",
        "The gateway tried again: 1 request sent again to the same instance.",
        "The gateway tried again: 2 requests sent to another instance.",
    ]
    assert masked_sentences(side_by_side([], []), [], {}) == []
