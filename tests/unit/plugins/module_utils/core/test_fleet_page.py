# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the fleet: what it says, and that nothing that it shows can become anything but text."""

from __future__ import annotations

import re

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.plugins.module_utils.core.markup import visible
from ansible_collections.corral.ollama.tests.unit.paged import (
    EARLIER,
    HOSTILE,
    NOW,
    container,
    host,
    large,
    model,
    reports,
    server,
    troubled,
)
from ansible_collections.corral.ollama.tests.unit.strict_page import Page

REPORTS = reports()
PAGES = {about: fleet_page(report) for about, report in REPORTS.items()}


def page_of(hosts, before=None):
    return Page(fleet_page(fleet_report(hosts, NOW, before)))


@pytest.mark.parametrize("about", PAGES)
def test_it_is_well_formed_and_needs_nothing_but_itself(about):
    page = Page(PAGES[about])
    attributes = {key for _tag, given in page.found for key in given}
    assert not attributes & {"src", "href", "srcset", "style", "action", "data", "background", "poster"}
    assert [key for key in attributes if key.startswith("on")] == []
    (style,) = page.texts["style"]
    assert not re.search(r"url\(|@import|http|//", style)


@pytest.mark.parametrize("about", PAGES)
def test_whoever_cannot_see_it_can_read_it(about):
    page = Page(PAGES[about])
    assert page.all("html") == [{"lang": "en"}]
    assert [len(page.all(tag)) for tag in ("h1", "title", "header", "main", "footer")] == [1, 1, 1, 1, 1]
    assert {given.get("scope") for given in page.all("th")} <= {"col", "row"}
    assert len(page.all("caption")) == len(page.all("table"))
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    labels, ids = [given["aria-labelledby"] for given in page.all("section")], [given["id"] for given in page.all("h2")]
    assert labels == ids
    assert len(set(ids)) == len(ids)
    boxes = [given for given in page.all("div") if given.get("class") == "scroll"]
    assert len(boxes) == len(page.all("table"))
    assert all(given["tabindex"] == "0" and given["aria-label"] for given in boxes)


def test_hostile_names_are_text():
    page, text = Page(PAGES["hostile"]), PAGES["hostile"]
    for name in HOSTILE[:-1]:
        assert visible(name) in page.text
    assert re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text) == []
    assert text.encode("utf-8")
    assert "<script" not in text.lower()
    # A name of 18,000 characters is on it in many places, and whole in none.
    assert len(text) < 2_000_000
    assert "very-long" * 200 not in text


def test_hostile_names_cannot_change_what_stands_beside_them():
    named = [given for tag, given in Page(PAGES["hostile"]).found if tag == "bdi"]
    assert len(named) > 10 * len(HOSTILE)


def test_a_fleet_that_is_well():
    page = Page(PAGES["well"])
    assert page.texts["p"][0] == "✓ Everything is as declared"
    assert "Fleet of 2 hosts, 16 instances (16 well), 1 model: everything as declared." in page.text
    assert "✓ well gpu-1 (8 instances)" in page.text
    assert "GPU 7" in page.text
    assert "There is no earlier report to compare with." in page.text
    assert "problems" not in [given["id"] for given in page.all("h2")]
    assert not [given for given in page.all("span") if given.get("class") == "bad"]


def test_what_is_wrong_comes_first():
    page = Page(PAGES["worse than before"])
    ids = [given["id"] for given in page.all("h2")]
    assert ids == [
        "problems",
        "next",
        "findings",
        "matrix",
        "changes",
        "memory",
        "versions",
        "service",
        "storage",
        "logs",
    ]
    assert page.texts["p"][0] == "✗ The fleet is not as declared"
    for said in (
        "gpu-2: ollama-server-2 (http://127.0.0.1:11435) lists silent:1 but did not answer within 300 s.",
        "gpu-2: ollama-server-3 does not exist. Run the playbook deploy.",
        "gpu-3: it was not verified",
        "ansible-playbook -i INVENTORY corral.ollama.deploy",
        "The last rollout of gpu-2 was not brought to its end; the next deploy goes on with it. ollama-",
        "The last rollout of gpu-4 failed; unless that was done since, correct the inventory and deploy, or",
        "3 retried (ollama-server-2)",
        "does not answer: gone",
        "19.4 GB, 5 models",
        "never (playbook scrub)",
        "restarted 3 times by the engine",
        "ended for want of memory",
    ):
        assert said in page.text


def test_every_state_has_a_sign_and_a_word_besides_its_colour():
    page = Page(PAGES["troubled"])
    cells = [text for text in page.texts["td"] if re.match(r"[✓✗≠○·] ", text)]
    states = {"✓ answered", "○ proven earlier", "✗ silent", "≠ other digest", "✗ missing", "· not asked"}
    assert set(cells) == states
    assert {given.get("class") for given in page.all("td")} == {None, "good", "bad", "open"}
    assert "6591e0a, 50% on GPU" in page.text
    (legend,) = [text for text in page.texts["p"] if text.startswith("Cells: ")]
    assert all(state in legend for state in states)


def test_a_host_that_was_not_reached_is_there():
    text = Page(PAGES["unreachable"]).text
    assert "✗ not verified gpu-1" in text
    assert "✗ not verified gpu-2" in text
    assert (
        "gpu-1, gpu-2: it was not verified, because it failed, could not be reached, or was not its turn yet." in text
    )


def test_an_empty_fleet_says_so():
    text = Page(PAGES["empty"]).text
    assert "No instance was verified: the fleet is empty." in text
    assert "0 hosts, 0 instances" in text


def test_what_changed():
    page = Page(PAGES["better than before"])
    assert f"Since the report of {NOW}." in page.text
    assert "solved: " in page.texts["strong"]
    assert "instance is not in the report any more" in page.text
    same = page_of({"h": host()}, fleet_report({"h": host()}, EARLIER))
    assert f"What changedSince the report of {EARLIER}.Nothing." in same.text


def test_hosts_that_are_well_are_folded_away_where_there_are_many():
    few, many = page_of({"a": host(), "b": host()}), page_of({**{f"h{n}": host() for n in range(9)}, "bad": {}})
    assert [given.get("open") for given in few.all("details")] == ["", ""]
    assert [given.get("open") for given in many.all("details")] == ["", *[None] * 9]
    assert many.texts["bdi"].index("bad") < many.texts["bdi"].index("h0")


def test_instances_that_are_alike_are_one_row():
    alike = {"results": [server(number) for number in range(1, 9)]}
    assert "8 alike: ollama-server-1 … ollama-server-8" in page_of({"h": alike}).text
    alike["results"][3] = server(4, ok=False, problem="gone.")
    text = page_of({"h": alike}).text
    assert "3 alike: ollama-server-1 … ollama-server-3" in text
    assert "✗ ollama-server-4" in text
    assert "4 alike: ollama-server-5 … ollama-server-8" in text


def test_versions_and_gpus_say_where():
    hosts = {f"gpu-{number}": host(8) for number in range(20)}
    hosts["gpu-7"]["results"][0] = server(1, version="0.31.0")
    text = page_of(hosts).text
    assert "0.31.0ollama/ollama:0.32.15aaaaaaaaaaaa1gpu-7: ollama-server-1" in text
    assert "159 instances of 20 hosts: gpu-0, gpu-1, gpu-2, gpu-3, gpu-4, gpu-5 and 14 more" in text


@pytest.mark.parametrize(("gpus", "shown"), [(None, "unknown"), ([], "none"), (["all"], "all"), (["0", "1"], "2")])
def test_how_many_gpus(gpus, shown):
    found = {"results": [server(1)], "instances": [container(1, gpus=gpus)]}
    assert shown in page_of({"h": found}).texts["bdi"]


def test_a_large_fleet():
    """Bounded, also where no two instances are alike and everything has changed and is wrong."""
    hosts, before = large(), fleet_report(large(), EARLIER)
    whole = fleet_page(fleet_report(hosts, NOW, before))
    assert whole.count(">✓ answered<small>6591e0a, ") == 200 * 8 * 20
    assert len(whole.encode()) < 5_000_000
    for number, found in enumerate(hosts.values()):
        for result in found["results"]:
            result["models"] = [
                model(one["name"], digest="", listed=False, problem=f"{one['name']} {number}")
                for one in result["models"]
            ]
    worst = fleet_page(fleet_report(hosts, NOW, before))
    assert "more: fleet.json has them all." in worst
    assert len(worst.encode()) < 5_000_000


def test_changes_that_have_nothing_in_common_are_bounded():
    was, now = ({"results": [server(n, version=f"{n}.{day}") for n in range(400)]} for day in (1, 2))
    page = page_of({"h": now}, fleet_report({"h": was}, EARLIER))
    assert page.texts["th"].count("version") == 300
    assert "And 100 more: fleet.json has them all." in page.text


def test_hundreds_of_hosts_with_one_problem_have_it_once():
    hosts = {f"gpu-{number}": {} for number in range(200)}
    page = page_of(hosts)
    assert page.text.count("it was not verified") == 1
    assert "and 194 more: it was not verified" in page.text


def test_a_host_whose_name_looks_like_a_problem():
    page = page_of({"a: b": {}, **troubled()})
    assert "a: b: it was not verified" in page.text
