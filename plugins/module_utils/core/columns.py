# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that fits into a number of columns, for the tables that people read in a job's output."""

from __future__ import annotations


def short(text: str, limit: int) -> str:
    """Both ends of a long text: a name's tag says as much as its beginning."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[len(text) - tail :]}"


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """The text in lines of at most ``width``; a word that is longer than a line is cut."""
    lines = [""]
    for word in text.split(" "):
        extended = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        if len(extended) <= width:
            lines[-1] = extended
        else:
            lines.append(indent + word)
    return [piece for line in lines for piece in _chopped(line.rstrip(), width)]


def counted(number: int, noun: str) -> str:
    """``1 host``, ``2 hosts``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _chopped(line: str, width: int) -> list[str]:
    return [line[start : start + width] for start in range(0, max(len(line), 1), width)]
