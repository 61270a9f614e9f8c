# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is not markup is text, whatever it holds."""

from __future__ import annotations

import html
from html.parser import HTMLParser

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.markup import Markup, element, fragment, name, visible
from ansible_collections.corral.ollama.tests.unit.paged import HOSTILE


class Seen(HTMLParser):
    """The tags, the attributes and the text that a browser would make of it."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_text(text):
    seen = Seen(element("p", text, title=text))
    assert (seen.tags, seen.attributes, seen.text) == (["p"], [("title", visible(text))], visible(text))


def test_markup_is_not_escaped_again():
    assert element("p", "a & ", element("b", "<")) == "<p>a &amp; <b>&lt;</b></p>"
    assert isinstance(fragment("<"), Markup)
    assert fragment("<", Markup("<hr>")) == "&lt;<hr>"


def test_attributes():
    assert element("td", 1, class_="a", aria_label='"', open=None) == '<td class="a" aria-label="&quot;">1</td>'
    assert element("meta", charset="utf-8") == '<meta charset="utf-8">'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mistral:7b", "mistral:7b"),
        ("a\nb\tc", "a b c"),
        ("a\u202eb", "a\\u202eb"),
        ("\x1b[31m\x00", "\\x1b[31m\\x00"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("مرحبا", "مرحبا"),
    ],
)
def test_nothing_is_hidden(text, shown):
    assert visible(text) == shown


def test_a_long_name_is_shortened_and_can_be_looked_up():
    shown = name("x" * 5000 + ":7b")
    assert len(html.unescape(shown)) < 1200
    assert ":7b</bdi>" in shown
    assert name("mistral:7b") == "<bdi>mistral:7b</bdi>"
