# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of a schedule as AWX 24 takes them. What it refuses is said before anything is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_START = re.compile(r"DTSTART(?:;TZID=(?P<zone>[^:;\s]+))?:(?P<at>\d{8}T\d{6})(?P<utc>Z?)")
_MANY = 999


def rrule_problems(text: Any) -> list[str]:
    """One sentence per problem of a schedule's ``rrule``."""
    if not isinstance(text, str) or "RRULE" not in text:
        return ["It has no RRULE. A rule is: DTSTART;TZID=Europe/Vienna:20270101T030000 RRULE:FREQ=DAILY;INTERVAL=1"]
    words = text.split()
    problems = list(_start_problems([word for word in words if word.startswith("DTSTART")]))
    for word in words:
        name, _colon, rule = word.partition(":")
        if name in ("RRULE", "EXRULE"):
            problems += _rule_problems(dict(part.partition("=")[::2] for part in rule.split(";")))
        elif not name.startswith("DTSTART"):
            problems.append(f"AWX knows no {name} in a schedule.")
    return problems


def _start_problems(starts: list[str]) -> Iterator[str]:
    if len(starts) != 1:
        yield "It needs one DTSTART."
        return
    match = _START.fullmatch(starts[0])
    if match is None or not (match["zone"] or match["utc"]):
        yield "DTSTART needs a time zone: DTSTART;TZID=Europe/Vienna:20270101T030000 or DTSTART:20270101T020000Z."
    elif match["zone"] and match["utc"]:
        yield "DTSTART has a time zone and the Z of UTC; leave one of them out."


def _rule_problems(rule: Mapping[str, str]) -> Iterator[str]:
    if "FREQ" not in rule or "INTERVAL" not in rule:
        yield "A rule needs FREQ and INTERVAL."
    if rule.get("FREQ") == "SECONDLY":
        yield "AWX runs nothing every second."
    if "COUNT" in rule and "UNTIL" in rule:
        yield "COUNT and UNTIL exclude each other."
    if "COUNT" in rule and not (rule["COUNT"].isdigit() and 0 < int(rule["COUNT"]) <= _MANY):
        yield f"COUNT is a number from 1 to {_MANY}."
    if any(day[:-2] for day in rule.get("BYDAY", "").split(",") if day):
        yield "BYDAY has days without numbers; BYSETPOS counts them."
