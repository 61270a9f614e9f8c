# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sentences about hosts: told once, what is wrong first, and no more than somebody reads."""

from __future__ import annotations

from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_page import fleet_page
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_said import said_lines
from ansible_collections.corral.ollama.tests.unit.paged import NOW, finding, host
from ansible_collections.corral.ollama.tests.unit.strict_page import Page


def about(*texts, severity="warning", hosts=("a",)):
    told = [finding("logs", severity, message=text) for text in texts]
    return fleet_report({name: host(1, findings=told) for name in hosts}, NOW)


def test_what_is_wrong_comes_first_each_with_its_mark():
    told = [finding("lease", "note", message="C."), finding("store", "warning", message="B."), finding(message="A.")]
    report = fleet_report({"h": host(1, findings=told)}, NOW)
    assert said_lines(report, 100) == ["✗ h: A.", "! h: B.", "- h: C."]


def test_the_same_about_many_hosts_is_one_line():
    names = [f"gpu-{number}" for number in range(1, 20)]
    assert said_lines(about("Old.", hosts=names[:3]), 100) == ["! gpu-1, gpu-2, gpu-3: Old."]
    (line,) = said_lines(about("Old.", hosts=names), 100)
    assert line == "! gpu-1, gpu-2, gpu-3, gpu-4, gpu-5, gpu-6 and 13 more hosts: Old."


def test_long_lists_end_where_the_rest_is():
    lines = said_lines(about(*(f"Number {number}." for number in range(100))), 100)
    assert len(lines) == 41
    assert lines[-1] == "! and 60 more warnings: see fleet.json"
    (one,) = said_lines(about(*(f"Number {number}." for number in range(21)), severity="note"), 100)[-1:]
    assert one == "- and 1 more note: see fleet.json"


def test_lines_fit():
    lines = said_lines(about("word " * 200, "x" * 900), 60)
    assert max(map(len, lines)) <= 60


def test_the_page_has_what_is_worth_a_look():
    report = about("Old.", "Older.")
    page = Page(fleet_page(report))
    assert "a: Old." in page.text
    assert "findings" in [given["id"] for given in page.all("h2")]
    assert page.texts["p"][0] == "✓ Everything is as declared"
    noted = Page(fleet_page(about("By the way.", severity="note")))
    assert "1 note" in noted.texts["summary"]
    assert "By the way." in noted.text
