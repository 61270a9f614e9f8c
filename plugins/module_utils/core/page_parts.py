# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces that every part of the fleet's page is made of: sections, tables in their own scroll box, lists of places."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .columns import counted
from .markup import Markup, element, fragment, name

_PLACES = 6

Cell = object


def section(key: str, title: str, *content: object) -> Markup:
    """A landmark with its heading; without content nothing."""
    body = fragment(*content)
    return element("section", element("h2", title, id=key), body, aria_labelledby=key) if body else Markup("")


def table(caption: str, heads: Sequence[object], rows: Iterable[tuple[object, Sequence[Cell]]]) -> Markup:
    """``heads`` over everything, the first one over what names each row. A cell that is no ``td`` yet becomes one."""
    # An empty corner heads nothing.
    top = element("tr", *(element("th", head, scope="col") if head else element("td") for head in heads))
    body = [element("tr", element("th", label, scope="row"), *map(_cell, cells)) for label, cells in rows]
    whole = element("table", element("caption", caption), element("thead", top), element("tbody", *body))
    # Who has no mouse scrolls with the arrows, for which the box has to take the focus.
    return element("div", whole, class_="scroll", role="group", tabindex="0", aria_label=caption)


def places(where: Mapping[str, Sequence[str]]) -> Markup:
    """``gpu-1: ollama-server-1, ollama-server-2; gpu-2: …``, and the numbers first when they are many."""
    count = sum(len(names) for names in where.values())
    if count <= _PLACES:
        return fragment(*_joined([_place(host, names) for host, names in where.items()], "; "))
    hosts = _few([name(host) for host in where])
    return fragment(f"{counted(count, 'instance')} of {counted(len(where), 'host')}: ", hosts)


def names(values: Iterable[object]) -> Markup:
    """A few names, and how many more."""
    return _few([name(value) for value in values])


def _cell(cell: Cell) -> Markup:
    return cell if isinstance(cell, Markup) and cell.startswith("<td") else element("td", cell)


def _place(host: str, instances: Sequence[str]) -> Markup:
    if not instances:
        return name(host)
    return fragment(name(host), ": ", *_joined([name(one) for one in instances], ", "))


def _few(pieces: Sequence[Markup]) -> Markup:
    more = f" and {len(pieces) - _PLACES} more" if len(pieces) > _PLACES else ""
    return fragment(*_joined(pieces[:_PLACES], ", "), more)


def _joined(pieces: Sequence[Markup], between: str) -> Iterable[object]:
    for number, piece in enumerate(pieces):
        yield from ((between, piece) if number else (piece,))
