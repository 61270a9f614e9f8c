# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who only looks makes nobody well: silence stays until it is asked again, and a host that is not seen stays known."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_table import fleet_table
from ansible_collections.corral.ollama.tests.unit.paged import EARLIER, NOW, bad_model, host, model, server
from ansible_collections.corral.ollama.tests.unit.strict_page import Page

LATER = "2026-11-23T10:00:00Z"
LOOKED = {"answered": False, "asked": False}


def one(*models):
    return {"h": {"results": [server(1, list(models))]}}


def test_what_was_silent_is_a_problem_until_it_is_asked_again():
    report = fleet_report(one(model(**LOOKED, failed_at=EARLIER)), NOW)
    said = (
        f"ollama-server-1 (http://127.0.0.1:11434) did not answer with mistral:7b when it was asked last, at {EARLIER}."
    )
    assert report["problems"] == [f"h: {said} Run the playbook verify, which asks again."]
    assert report["ok"] is report["instances"][0]["ok"] is False
    assert report["next"][0]["playbook"] == "verify"
    assert "6591e0a ✓✗" in fleet_table(report)
    page = Page(fleet_page(report))
    assert "✗ silent" in page.text
    assert "6591e0a, on 2026-11-21" in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"answered": True, "failed_at": ""},
        {"answered": True, "from_proof": True, "proven_at": EARLIER},
        {**LOOKED, "failed_at": "", "proven_at": EARLIER},
        {**LOOKED},
    ],
)
def test_what_did_not_fail_is_no_problem(changes):
    assert fleet_report(one(model(**changes)), NOW)["problems"] == []


def test_a_problem_of_now_is_told_once():
    gone = model(**LOOKED, failed_at=EARLIER, listed=False, problem="it does not list it.")
    assert fleet_report(one(gone), NOW)["problems"] == ["h: it does not list it."]


def test_how_old_the_answers_are():
    models = [model(f"m{n}:1", asked=False, from_proof=True, proven_at=f"2026-11-{20 + n}T10:00:00Z") for n in (1, 0)]
    looked = fleet_report(one(*models, model("open:1", **LOOKED)), NOW)
    line = "Of 3 answers, none was asked for now; 2 proven earlier, the oldest 2026-11-20T10:00:00Z; 1 not asked."
    assert fleet_table(looked, 200).splitlines()[1] == line
    assert line in Page(fleet_page(looked)).text


@pytest.fixture
def lost():
    before = fleet_report({"a": host(1), "b": {"results": [server(1, [model(), bad_model("silent:1")])]}}, EARLIER)
    return fleet_report({"a": host(1), "b": {}}, NOW, before)


def test_a_host_that_is_not_seen_stays_known_as_it_was(lost):
    entry = lost["instances"][1]
    assert entry["host"] == "b"
    assert entry["seen_at"] == EARLIER
    assert [(one["asked"], one["from_proof"], one["failed_at"]) for one in entry["models"]] == [
        (False, True, ""),
        (False, False, EARLIER),
    ]
    assert [(one["name"], one["verified"], one["seen_at"]) for one in lost["hosts"]] == [
        ("a", True, NOW),
        ("b", False, EARLIER),
    ]
    assert lost["problems"] == [
        "b: it was not verified, because it failed, could not be reached, or was not its turn yet."
    ]
    assert lost["changes"]["items"] == []


def test_what_is_not_seen_does_not_count_as_verified(lost):
    assert lost["summary"]["instances"] == lost["summary"]["instances_ok"] == 1
    assert lost["summary"]["asked"] == 1
    assert "\nb " not in fleet_table(lost)
    assert f"✗ not verified; this is of {EARLIER} b (1 instance)" in Page(fleet_page(lost)).text


def test_it_stays_of_that_day_however_often_it_is_not_seen(lost):
    again = fleet_report({"a": host(1), "b": None}, LATER, lost)
    assert again["instances"][1] == lost["instances"][1]
    assert again["hosts"][1]["seen_at"] == EARLIER
    back = fleet_report({"a": host(1), "b": host(1)}, LATER, again)
    assert back["hosts"][1]["seen_at"] == LATER
    assert "seen_at" not in back["instances"][1]


ODD = [
    {"instances": "x", "hosts": 7},
    {"instances": [{"host": "h"}, 3]},
    {"instances": [{**fleet_report({"h": host(1)}, NOW)["instances"][0], "models": [{"name": 7}]}]},
    {"schema": 2, "instances": fleet_report({"h": host(1)}, NOW)["instances"]},
]


@pytest.mark.parametrize("before", [None, [], {}, *({"schema": 1, "generated_at": NOW, **odd} for odd in ODD)])
def test_an_earlier_report_that_is_odd(before):
    report = fleet_report({"h": {}}, NOW, before)
    assert report["hosts"][0]["seen_at"] == ""
    assert report["instances"] == []
    assert fleet_page(report)
