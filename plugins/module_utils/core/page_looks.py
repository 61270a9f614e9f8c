# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is behind the answers: the GPUs and the memory of each instance, and what the logs hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .columns import counted, short
from .fleet_memory import called, memories
from .markup import Markup, element, fragment, name, visible
from .page_parts import section, table
from .told import mapping, mappings, texts

_FOLDED_FROM = 4
_CAPTION = 80
_ROWS = 300
_TEXT = 400
_MODELS = 20


def page_memory(report: Mapping[str, Any]) -> Markup:
    """A table per host, folded where there are many."""
    hosts = list(dict.fromkeys([*mapping(report, "gpus"), *mapping(report, "residents")]))
    fold = len(hosts) >= _FOLDED_FROM
    return section("memory", "GPUs and memory", *(_memory(report, host, fold) for host in hosts))


def _memory(report: Mapping[str, Any], host: str, fold: bool) -> Markup:
    rows: list[tuple[object, list[object]]] = []
    for names, one in memories(report, host):
        loaded = [element("li", _text(text)) for text in one.loaded[:_MODELS]]
        more = [element("li", f"and {len(one.loaded) - _MODELS} more")] if len(one.loaded) > _MODELS else []
        listed = element("ul", *loaded, *more) if loaded else "nothing"
        rows.append((name(called(names)), [one.declared, _text(one.seen or "–"), _text(one.library or "–"), listed]))
    heads = ("Instance", "GPUs declared", "GPUs seen", "Computes with", "In memory")
    told = table(f"GPUs and memory of {short(visible(host), _CAPTION)}", heads, rows)
    return element("details", element("summary", name(host)), told) if fold else told


def page_logs(report: Mapping[str, Any]) -> Markup:
    """Of the logs what was seen in them; a log in which nothing was seen is a number."""
    logs = [(host, row) for host in mapping(report, "logs") for row in mappings(mapping(report, "logs"), host)]
    rows = [row for host, log in logs for row in _log(host, log)]
    quiet = sum(not any(_log(host, log)) for host, log in logs)
    told = element("p", f"In {counted(quiet, 'log')} of {len(logs)} nothing was seen.", class_="note") if logs else ""
    heads = ("Container", "What", "Lines", "At most in a minute", "Last", "For example")
    found = table("What the logs hold", heads, rows[:_ROWS]) if rows else ""
    more = element("p", f"And {len(rows) - _ROWS} more: fleet.json has them all.") if len(rows) > _ROWS else ""
    return section("logs", "Logs", told, found, more)


def _log(host: str, log: Mapping[str, Any]) -> Iterable[tuple[Markup, list[object]]]:
    where = fragment(name(host), ": ", name(log.get("service") or log.get("container")))
    if log.get("problem"):
        yield where, [element("td", "✗ could not be read", class_="bad"), "", "", "", _text(log["problem"])]
    classes = mapping(log, "classes")
    for kind in classes:
        one = mapping(classes, kind)
        if one.get("count"):
            numbers: list[object] = [one.get("count"), one.get("in_a_minute", "–"), _text(one.get("last") or "–")]
            yield where, [_tone(bool(one.get("ok", True)), kind), *numbers, _text(" ".join(texts(one, "samples")[:1]))]


def _tone(good: bool, text: str) -> Markup:
    verdict = element("small", "within limits" if good else "✗ more than allowed")
    return element("td", name(text), verdict, class_=None if good else "bad")


def _text(value: object) -> Markup:
    return name(value, _TEXT)
