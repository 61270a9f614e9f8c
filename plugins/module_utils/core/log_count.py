# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Count lines of a log by class, one by one, in memory that does not depend on how many there are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .log_classes import LogClass
from .log_lines import Line

MAX_SAMPLE = 300
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_HIDDEN = "********"
#: What follows these words is a secret: whatever it is after a header's name, one word after the others.
_SECRETS = (
    re.compile(r"(?i)(authorization[\"'\\]*\s*[:=]).+"),
    re.compile(r"(?i)(bearer[\s:=]+)[^\s\"',;]+"),
    re.compile(
        r"(?i)((?:api[-_]?key|access[-_]?key|token|secret|passw(?:or)?d|cookie)[\"'\\]*\s*[:=]\s*[\"'\\]*)[^\s\"'\\,;&]+"
    ),
    re.compile(r"(://[^\s/:@\"']*:)[^\s/@\"']+(?=@)"),
)
#: What `ollama pull` draws; "pulling manifest" between two of these is the same pull, drawn once more.
_DRAWN = re.compile(r"\s*(?:pulling |verifying |writing manifest|removing |success)")


@dataclass
class Tally:
    """How often a class was seen; times as the engine writes them, empty for never."""

    count: int = 0
    first: str = ""
    last: str = ""
    busiest: int = 0
    samples: list[str] = field(default_factory=list)
    _minute: str = ""
    _in_minute: int = 0

    def add(self, stamp: str) -> None:
        self.count += 1
        self.first = min(self.first or stamp, stamp)
        self.last = max(self.last, stamp)
        # the two streams may be a moment apart: a minute that has passed does not come back
        if stamp[:16] > self._minute:
            self._minute, self._in_minute = stamp[:16], 0
        self._in_minute += 1
        self.busiest = max(self.busiest, self._in_minute)


class Counter:
    """Give it a container's classes, then its lines. Those from ``mark`` on (a time as the engine writes it) are in
    ``recent`` too."""

    def __init__(self, classes: Sequence[LogClass], samples: int = 3, mark: str = "") -> None:
        self.tallies = {one.name: Tally() for one in classes}
        self.recent = {one.name: Tally() for one in classes} if mark else self.tallies
        self.mark = mark
        self.lines = 0
        self.first = self.last = ""
        self._samples = samples
        self._requests = [one for one in classes if one.request]
        self._others = [one for one in classes if not one.request and not one.anywhere]
        self._anywhere = [one for one in classes if one.anywhere]
        self._before: dict[int, str] = {}

    def take(self, line: Line) -> None:
        stream, stamp, text, drawn = line
        self.lines += 1
        self.first = self.first or stamp
        self.last = stamp
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        for one in self._requests if text.startswith("[GIN]") else self._others:
            for needle in one.needles:
                if needle in text:
                    if one.pattern.search(text) and not (drawn and self._again(one, stream)):
                        self._count(one, stamp, text)
                    break
        for one in self._anywhere:
            if one.pattern.search(text, 0, one.reach):
                self._count(one, stamp, text)
        if text:
            self._before[stream] = text[:MAX_SAMPLE]

    def _again(self, one: LogClass, stream: int) -> bool:
        return one.name == "pulling_manifest" and bool(_DRAWN.match(self._before.get(stream, "")))

    def _count(self, one: LogClass, stamp: str, text: str) -> None:
        tally = self.tallies[one.name]
        tally.add(stamp)
        if self.mark and stamp >= self.mark:
            self.recent[one.name].add(stamp)
        if len(tally.samples) < self._samples:
            tally.samples.append(sample(text))


def sample(text: str) -> str:
    """A line as it may be shown: without secrets, without control characters, and short."""
    text = _ANSI.sub("", text)
    for secret in _SECRETS:
        text = secret.sub(rf"\g<1>{_HIDDEN}", text)
    text = _UNSHOWN.sub("?", text)
    return text if len(text) <= MAX_SAMPLE else text[: MAX_SAMPLE - 1] + "…"
