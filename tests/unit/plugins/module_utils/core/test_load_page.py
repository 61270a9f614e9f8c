# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table and page of the load tests: what is in them, and that no name gets out of its place."""

from __future__ import annotations

import re

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.load_page import load_page
from ansible_collections.corral.ollama.plugins.module_utils.core.load_plots import Curve, plot
from ansible_collections.corral.ollama.plugins.module_utils.core.load_table import load_table
from ansible_collections.corral.ollama.tests.unit import loaded
from ansible_collections.corral.ollama.tests.unit.strict_page import Page

REPORTS = loaded.reports()
PAGES = {about: load_page(report) for about, report in REPORTS.items()}


@pytest.mark.parametrize("about", PAGES)
def test_the_page_is_sound_and_loads_nothing(about):
    page = Page(PAGES[about])
    names = {name for _tag, attributes in page.found for name in attributes}
    assert not names & {"src", "href", "style", "srcset", "action"}
    assert not [name for name in names if name.startswith("on")]
    (policy,) = [found["content"] for found in page.all("meta") if found.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "url(" not in PAGES[about]
    assert "script" not in {tag for tag, _attributes in page.found}


def test_what_is_on_the_page():
    page = Page(PAGES["failing"])
    assert "✗ The load test did not end well" in page.text
    assert "nobody listens there" not in page.text
    for words in ("no complete answer within the timeout", "ChunkedEncodingError", "http_404", "It was not tested."):
        assert words in page.text
    captions = {
        "What the client saw",
        "All of it, from when it was sent",
        "Every failure that the client saw",
        "Both views side by side",
    }
    assert set(page.texts["caption"]) == captions
    titles = {re.sub(r" \(.*", "", text) for text in page.texts["figcaption"]}
    assert {"Latency over time", "Latency by percentile", "Requests", "Errors"} <= titles
    assert "Time to the first token" in {re.sub(r" \(.*", "", text) for text in Page(PAGES["well"]).texts["figcaption"]}


def test_what_was_masked_is_on_the_page():
    page = Page(PAGES["masked"])
    assert "57461" in page.text
    assert "Gateway: 3 requests tried again, 2 taken to another instance." in page.text
    assert "Other lines in the logs: 1 x prune." in page.text


def test_hosts_that_are_well_are_folded_where_there_are_many():
    hosts = {f"gpu-{number}": loaded.well() for number in range(4)}
    page = Page(load_page(loaded.load_report({**hosts, "gpu-9": {}}, loaded.NOW)))
    assert ["open" in found for found in page.all("details")] == [True, False, False, False, False]


@pytest.mark.parametrize("width", [80, 100, 160])
@pytest.mark.parametrize("about", REPORTS)
def test_no_line_is_longer_than_it_may(about, width):
    table = load_table(REPORTS[about], width)
    assert max(len(line) for line in table.splitlines()) <= width
    assert all(sign.isprintable() or sign == "\n" for sign in table)


def test_the_table_shows_both_views():
    table = load_table(REPORTS["masked"])
    assert "110 requests: 0 failed (0.00%), 85393 failures masked: 4 problems." in table
    assert re.search(r"404, model or route not found +0 +57461 +57461", table)
    assert re.search(r"reranker: Generation timeout +– +27927 +27927", table)
    assert re.search(r"  mistral:7b generate\n    ollama-server-1 +19 +0 +0\.400 s", table)


def test_a_curve_has_gaps_and_words():
    drawn = plot("Latency", "s", ["0 s", "1 s", "2 s"], [Curve("p50", "plain", [1.0, None, 2.0])])
    assert 'd="M60.0 92.0h0.1M628.0 12.0h0.1"' in drawn
    assert 'aria-label="Latency in s: p50 from 1 to 2"' in drawn
    assert plot("Latency", "s", [], [Curve("p50", "plain", [])]) == ""
    assert plot("Errors", "s", ["0"], [Curve("failed", "third", [0.0])])
