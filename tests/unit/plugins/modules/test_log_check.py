# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module log_check against an engine on a wire: whose logs, since when, and what is too much."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.tests.unit.logged import (
    STDOUT,
    Engine,
    checking,
    entry,
    gin,
    logging,
    stamp,
)

ONE, TWO = "f-ollama-server-1", "f-ollama-server-2"
CRASH = 'level=INFO msg="Load failed" error="llama-server process has terminated: signal: killed"'


def fleet(logs=None, *more, **how):
    instances = [logging(f"f-ollama-server-{n}", project="f", service=f"ollama-server-{n}", **how) for n in (2, 1)]
    return Engine(*instances, logging("f-gateway", project="f", service="gateway"), *more, logs=logs)


def rows(outcome):
    failed = outcome.result.get("error") or outcome.result
    return {row["container"]: row for row in failed["containers"]}


def counts(row):
    return {name: found["count"] for name, found in row["classes"].items() if found["count"]}


@pytest.mark.parametrize("check", [False, True])
def test_a_healthy_fleet(check):
    engine = fleet({ONE: [entry(gin(200), STDOUT)] * 3})
    with checking(engine) as module:
        outcome = module(project="f", check_mode=check)
    assert (outcome.failed, outcome.changed, outcome["ok"], outcome["problems"]) == (False, False, True, [])
    assert [(row["container"], row["service"], row["lines"]) for row in outcome["containers"]] == [
        (ONE, "ollama-server-1", 3),
        (TWO, "ollama-server-2", 0),
    ]
    assert outcome["containers"][0]["log_driver"] == "json-file"


def test_trouble_is_an_error_that_names_it_all():
    log = [entry(gin(404), STDOUT, stamp(1800 + second)) for second in (0, 1, 61)]
    engine = fleet({TWO: [*log, entry(CRASH, at=stamp(2000))]})
    with checking(engine) as module:
        outcome = module(project="f")
        reported = module(project="f", on_failure="report")
    assert (outcome.failed, outcome.kind) == (True, "log_threshold")
    assert outcome.msg == (
        f"2 things are in the way. (1) {TWO} has 3 x http_404 since 2026-11-21T22:00:00Z, 0.05 a minute and up to 2 "
        "within one; the most is 0 in all. Compare the models that clients ask for with corral_models. "
        f"(2) {TWO} has 1 x runner_crash since 2026-11-21T22:00:00Z, 0.0167 a minute and up to 1 within one; the most "
        "is 0 in all. Look for want of memory first (dmesg, nvidia-smi), then run corral.ollama.verify."
    )
    assert [problem["class"] for problem in outcome["error"]["problems"]] == ["http_404", "runner_crash"]
    assert (reported.failed, reported["ok"], len(reported["problems"])) == (False, False, 2)
    assert rows(reported) == rows(outcome)
    assert (rows(outcome)[ONE]["ok"], rows(outcome)[TWO]["ok"]) == (True, False)
    assert rows(outcome)[TWO]["classes"]["http_404"] == {
        "count": 3,
        "per_minute": 0.05,
        "in_a_minute": 2,
        "first": stamp(1800),
        "last": stamp(1861),
        "samples": [gin(404)] * 3,
        "most": {"count": 0, "per_minute": None, "in_a_minute": None},
        "exceeded": ["count"],
        "ok": False,
    }


def test_thresholds_of_the_user():
    log = [entry(gin(499), STDOUT, stamp(1800 + second)) for second in range(11)] + [entry(gin(404), STDOUT)]
    engine = fleet({ONE: log})
    with checking(engine) as module:
        default = module(project="f", on_failure="report")
        chosen = module(project="f", thresholds={"http_404": 1, "http_499": {"in_a_minute": 11}})
        per_minute = module(project="f", thresholds={"http_404": 1, "http_499": {"per_minute": 0.18}})
    classes = rows(default)[ONE]["classes"]
    assert [name for name, found in classes.items() if not found["ok"]] == ["http_404", "http_499"]
    assert classes["http_499"]["exceeded"] == ["in_a_minute"]
    assert (chosen.failed, per_minute.failed) == (False, True)
    assert rows(per_minute)[ONE]["classes"]["http_499"]["exceeded"] == ["per_minute"]


def test_consumers_have_patterns_of_their_own():
    lines = ["POST /rerank status=404", "Generation timeout after 30s", gin(404), "Authorization: Bearer S3CRET x=1"]
    engine = fleet({"reranker": list(map(entry, lines))}, logging("reranker", tty=False))
    patterns = ["status=404", {"pattern": "Generation timeout", "name": "timeout", "count": 1}, "x=1"]
    with checking(engine) as module:
        outcome = module(project="f", consumers=[{"container": "reranker", "patterns": patterns}], on_failure="report")
    assert list(rows(outcome)) == [ONE, TWO, "reranker"]
    found = rows(outcome)["reranker"]
    assert counts(found) == {"status=404": 1, "timeout": 1, "x=1": 1}
    assert [name for name, one in found["classes"].items() if not one["ok"]] == ["status=404", "x=1"]
    assert "S3CRET" not in str(outcome.result)


def test_other_servers_by_name_or_id_and_no_instances():
    engine = fleet({"old": [entry(gin(503), STDOUT)]}, logging("old"))
    with checking(engine) as module:
        outcome = module(instances=False, containers=["old", "id-of-old"], on_failure="report", samples=0)
    assert [(row["container"], counts(row)) for row in outcome["containers"]] == [("old", {"http_503": 1})] * 2
    assert outcome["containers"][0]["classes"]["http_503"]["samples"] == []


@pytest.mark.parametrize(
    ("since", "asked", "begin", "lines"),
    [
        ("start", 1795298400, "2026-11-21T22:00:00.250000000Z", 2),
        ("2026-11-21T22:30:00Z", 1795300200, "2026-11-21T22:30:00.000000000Z", 1),
        (1800, 1795300200, "2026-11-21T22:30:00.000000000Z", 1),
        ("2026-11-21T19:00:00Z", 1795287600, "2026-11-21T20:00:00.500000000Z", 3),
    ],
)
def test_since(since, asked, begin, lines):
    # the engine is asked in whole seconds: what it sends of the last run is left out here
    log = [entry("before", at=stamp(0.2)), entry("at the start", at=stamp(0.25)), entry("later", at=stamp(1800))]
    engine = Engine(logging("c"), logs={"c": log})
    with checking(engine) as module:
        outcome = module(instances=False, containers=["c"], since=since)
    assert [query["since"] for query in engine.asked] == [str(asked)]
    found = rows(outcome)["c"]
    assert (found["since"], found["lines"]) == (begin, lines)
    assert found["until"] == "2026-11-21T23:00:00.000000000Z"


def test_rates_are_over_the_time_that_the_container_ran():
    ended = logging("c", Running=False, FinishedAt="2026-11-21T22:10:00.25Z")
    never = logging("new", Running=False, StartedAt="0001-01-01T00:00:00Z", FinishedAt="0001-01-01T00:00:00Z")
    engine = Engine(ended, never, logs={"c": [entry(gin(500), STDOUT, stamp(9))] * 5})
    with checking(engine) as module:
        outcome = module(instances=False, containers=["c", "new"], since="start", on_failure="report")
        moment = module(instances=False, containers=["c"], since=5, on_failure="report")
    assert (rows(outcome)["c"]["minutes"], rows(outcome)["c"]["classes"]["http_500"]["per_minute"]) == (10.0, 0.5)
    assert (rows(outcome)["new"]["since"], rows(outcome)["new"]["minutes"]) == (
        "2026-11-21T20:00:00.500000000Z",
        179.99,
    )
    assert rows(moment)["c"]["minutes"] == 1.0


def test_a_log_that_cannot_be_read_to_its_end_is_not_ok():
    said = b"Error grabbing logs: unexpected EOF\n"
    engine = fleet({ONE: [entry("fine"), b"\x02\0\0\0\0\0\0" + bytes([len(said)]) + said]})
    with checking(engine) as module:
        outcome = module(project="f")
    assert outcome.kind == "log_incomplete"
    assert outcome.msg == (
        f"The log of {ONE} (json-file) could not be read to its end: Error grabbing logs: unexpected EOF. "
        "Its counts are too low."
    )
    assert (rows(outcome)[ONE]["ok"], rows(outcome)[ONE]["lines"]) == (False, 1)
