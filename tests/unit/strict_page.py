# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page as a strict browser reads it: what is not closed, quoted or known raises."""

from __future__ import annotations

import re
from html.parser import HTMLParser

START = re.compile(r'<[a-z][a-z0-9]*(?: [a-zA-Z-]+="[^"<>]*")*>')
VOID = {"meta"}
KNOWN = {
    *("html", "head", "title", "style", "meta", "body", "header", "main", "footer", "section", "h1", "h2", "p", "div"),
    *("dl", "dt", "dd", "ul", "ol", "li", "details", "summary", "table", "caption", "thead", "tbody", "tr", "th", "td"),
    *("bdi", "strong", "small", "span", "code", "figure", "figcaption", "svg", "path", "text"),
}


class Page(HTMLParser):
    """``found`` has every element as (tag, attributes), ``texts`` the text of each kind of element."""

    def __init__(self, text):
        super().__init__()
        self.found, self.texts, self.text, self._open = [], {}, "", []
        assert text.startswith("<!DOCTYPE html>\n")
        self.feed(text)
        self.close()
        assert self._open == [], f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        source = self.get_starttag_text()
        assert START.fullmatch(source), f"not well-formed: {source[:200]}"
        assert tag in KNOWN, f"unexpected element: {tag}"
        assert len(dict(attrs)) == len(attrs), f"an attribute twice: {source[:200]}"
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open, f"closed without being open: {tag}"
        assert self._open.pop() == tag, f"closed in the wrong order: {tag}"

    def handle_data(self, data):
        self.text += data
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def handle_startendtag(self, tag, attrs):
        raise AssertionError(f"XML in HTML: {tag}")

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data[:200]}")

    def all(self, tag):
        return [attributes for found, attributes in self.found if found == tag]
