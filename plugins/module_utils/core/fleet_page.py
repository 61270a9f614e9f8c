# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a fleet as one HTML page that needs nothing but itself: no script, no picture, no address elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .fleet_table import answers_line, headline
from .markup import element
from .page_facts import page_figures, page_service, page_storage, page_versions
from .page_head import page_head
from .page_looks import page_logs, page_memory
from .page_matrix import page_matrix
from .page_news import page_changes, page_findings, page_next, page_problems
from .page_style import STYLE

#: What is wrong, what to do about it, and then what there is.
_SECTIONS = (
    *(page_problems, page_next, page_findings, page_matrix, page_changes, page_memory, page_versions),
    *(page_service, page_storage, page_logs),
)


def fleet_page(report: Mapping[str, Any]) -> str:
    """The whole page. ``report`` is what fleet.json holds; what is wrong comes first."""
    verdict = "Everything is as declared" if report["ok"] else "The fleet is not as declared"
    sign, good = ("✓", "good") if report["ok"] else ("✗", "bad")
    header = element(
        "header",
        element("h1", "Ollama fleet"),
        element("p", f"{sign} {verdict}", class_=f"verdict {good}"),
        element("p", headline(report), class_="note"),
        element("p", answers_line(report), class_="note"),
    )
    main = element("main", page_figures(report), *(page(report) for page in _SECTIONS))
    footer = element("footer", element("p", "The same for programs is in fleet.json, beside this page.", class_="note"))
    head = page_head(f"{sign} Ollama fleet, {report['generated_at']}", STYLE)
    whole = element("html", head, element("body", header, main, footer), lang="en")
    return f"<!DOCTYPE html>\n{whole}\n"
