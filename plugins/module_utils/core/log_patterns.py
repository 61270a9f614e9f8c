# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns that a user writes for the log of a consumer, and which of them could hold a check up for hours.

Whoever can write into the log can write the line that a pattern is slowest on. So the ways in which a pattern can be
tried are counted from its text: a repeated repeat is refused, everything else is looked for only as far into a line as
``BUDGET`` ways go, and refused if that is not far enough to be of use.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .declared import BadInput
from .log_classes import Limits, LogClass, limits_from
from .log_lines import MAX_LINE

MAX_PATTERN, MAX_PATTERNS = 200, 50
BUDGET, LEAST_REACH = 10_000_000, 1000
_FIELDS = ("name", "pattern", "count", "per_minute", "in_a_minute")
_TOKEN = re.compile(
    r"\\(?:\d+|.)|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P=|\(\??|\)|\||(?:[*+?]|\{\d*,?\d*\})[?+]?|.", re.DOTALL
)
_REPEAT = re.compile(r"(?:([*+])|(\?)|\{(\d+)\}|\{(\d*),(\d*)\})[?+]?")
_FEWER = "Look for a fixed part of the line, or write \\d{1,4} for \\d+ and so on."


def consumer_classes(container: str, given: Sequence[Any]) -> tuple[LogClass, ...]:
    """One class per pattern, named by ``name`` or by the pattern itself. Raises BadInput."""
    if not given:
        raise BadInput(f"The consumer {container} has no patterns.", remedy="Name at least one, or leave it out.")
    if len(given) > MAX_PATTERNS:
        raise BadInput(
            f"The consumer {container} has {len(given)} patterns; {MAX_PATTERNS} are the most.",
            remedy="Join some of them with |.",
        )
    classes = tuple(_class(container, one) for one in given)
    names = [one.name for one in classes]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"Two patterns of {container} are called {name!a}.", remedy="Give each its own name.")
    return classes


def _class(container: str, given: Any) -> LogClass:
    where = f"The pattern {str(given)[:MAX_PATTERN]!a} of {container}"
    if not isinstance(given, (str, Mapping)):
        raise BadInput(f"{where} is neither text nor a dictionary.", remedy="Put it into quotes.")
    one: Mapping[str, Any] = {"pattern": given} if isinstance(given, str) else given
    unknown = sorted(str(name) for name in one if name not in _FIELDS)
    if unknown:
        raise BadInput(f"{where} has {', '.join(unknown)}.", remedy=f"It takes {', '.join(_FIELDS)}.")
    text = one.get("pattern")
    if not isinstance(text, str) or not text:
        raise BadInput(f"{where} has no text to look for.", remedy="Give it a regular expression as pattern.")
    limits = {name: one[name] for name in _FIELDS[2:] if one.get(name) is not None}
    pattern, reach = compiled(container, text)
    return LogClass(
        str(one.get("name") or text),
        pattern,
        limits=limits_from(where, limits) if limits else Limits(count=0),
        remedy=f"Look at docker logs {container}.",
        anywhere=True,
        reach=reach,
    )


def compiled(container: str, text: str) -> tuple[re.Pattern[str], int]:
    """The pattern, if it is one and cannot run away, and how many characters of a line it is looked for in."""
    where = f"The pattern {text[:MAX_PATTERN]!a} of {container}"
    if len(text) > MAX_PATTERN:
        raise BadInput(
            f"{where} has {len(text)} characters; {MAX_PATTERN} are the most.", remedy="Use several shorter ones."
        )
    try:
        found = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadInput(
            f"{where} is no regular expression ({error}).", remedy="Put a \\ before characters that are meant as such."
        ) from error
    if found.match(""):
        raise BadInput(f"{where} matches an empty line, and so any.", remedy="Ask for at least one character.")
    ways = _Ways()
    for token in _TOKEN.findall(text):
        ways.take(token)
    reach = ways.reach(anchored=text.startswith(("^", "\\A")))
    if ways.danger or reach < LEAST_REACH:
        danger = ways.danger or "its repeats can be tried in too many ways"
        raise BadInput(f"{where} could take hours on a line made for it: {danger}.", remedy=_FEWER)
    return found, min(reach, MAX_LINE)


class _Ways:
    """In how many ways a pattern can be tried on a line, no fewer than there are."""

    def __init__(self) -> None:
        self.danger = ""
        self._choices = [1]  # per open group
        self._loose = [False]  # per open group: whether something in it is repeated or chosen
        self._closed = False  # whether the token before closed such a group
        self._flags = False  # whether what comes is a flag of the group that was just opened
        self._open, self._ways = 0, 1

    def take(self, token: str) -> None:
        closed, self._closed = self._closed, False
        if self._flags and token in ("x", "#"):
            self.danger = "a comment, or the flag x, hides what is repeated in it"
        self._flags = token == "(?" or (self._flags and token in "aiLmsu-")
        repeat = _REPEAT.fullmatch(token)
        if token == "(?P=" or (token[0] == "\\" and token[1:].isdigit() and token[1] != "0"):
            self.danger = "it refers back to a group"
        elif token[0] == "(":
            self._choices.append(1)
            self._loose.append(False)
        elif token == ")" and len(self._loose) > 1:
            self._ways *= self._choices.pop()
            self._closed = self._loose.pop()
            self._loose[-1] = self._loose[-1] or self._closed
        elif token == "|":
            self._choices[-1] += 1
            self._loose[-1] = len(self._loose) > 1
        elif repeat is not None and token not in ("{,}", "{,}?", "{,}+"):
            self._repeated(*repeat.groups(), closed=closed)

    def reach(self, anchored: bool) -> int:
        """How many characters of a line stay within the budget: each is a place to begin, and to end every repeat."""
        places = self._open + (not anchored or self._choices[0] > 1)
        if not places:
            return MAX_LINE if self._ways <= BUDGET else 0
        return min(MAX_LINE, int((BUDGET / self._ways) ** (1 / places) + 1e-6))

    def _repeated(self, mark: str, maybe: str, exact: str, least: str, most: str, *, closed: bool) -> None:
        if closed and not maybe:
            self.danger = "a group that is repeated holds another repeat, or a choice"
        self._loose[-1] = True
        if mark or not (maybe or exact or most):
            self._open += 1
        elif not exact:
            self._ways *= 2 if maybe else int(most) - int(least or 0) + 1
