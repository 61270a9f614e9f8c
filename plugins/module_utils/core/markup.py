# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML in which whatever is not markup already is text: nothing has to remember to escape."""

from __future__ import annotations

import html

from .columns import short

_VOID = frozenset({"meta"})
_NAME = 80
_TITLE = 1000


class Markup(str):
    """Text that is HTML already. Only ``element`` and ``fragment`` make it."""

    __slots__ = ()


def element(tag: str, *children: object, **attributes: object) -> Markup:
    """An element. ``class_`` is ``class``, ``aria_label`` is ``aria-label``; an attribute that is None is left out."""
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(visible(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{tag}{told}>" if tag in _VOID else f"<{tag}{told}>{fragment(*children)}</{tag}>")


def fragment(*children: object) -> Markup:
    """Several pieces as one; what is not markup becomes text."""
    return Markup("".join(child if isinstance(child, Markup) else html.escape(visible(child)) for child in children))


def visible(value: object) -> str:
    """The value as text in which nothing is hidden and nothing turns the direction of what follows."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(" " if sign in "\n\t" else sign if sign.isprintable() else _escape(sign) for sign in text)


def name(value: object, limit: int = _NAME) -> Markup:
    """A name that somebody else chose: kept apart from its surroundings, and shortened when it is very long."""
    text = visible(value)
    return element("bdi", short(text, limit), title=short(text, _TITLE) if len(text) > limit else None)


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
