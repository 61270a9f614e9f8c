# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A time of day in which something may be done, such as ``22:00-06:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .declared import BadInput

_TEXT = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)
_DAY = 24 * 60


@dataclass(frozen=True)
class Window:
    """Minutes of the day, the end not included; one that ends before it begins goes over midnight."""

    text: str
    begin: int
    end: int

    def open_at(self, minute: int) -> bool:
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def parse_window(text: str) -> Window | None:
    """``HH:MM-HH:MM``; ``None`` for an empty text, which is any time. Raises ``BadInput``."""
    clean = text.strip()
    if not clean:
        return None
    found = _TEXT.fullmatch(clean)
    begin, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if begin == end:
        remedy = "Write it as 22:00-06:00; leave it empty for any time."
        raise BadInput(f"{text[:40]!a} is no time of day from when until when.", remedy=remedy)
    return Window(clean, begin % _DAY, end % _DAY)
