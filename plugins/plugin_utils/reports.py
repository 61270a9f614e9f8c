# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins that put a report together on the controller have in common."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import Any

from ..module_utils.core.columns import counted

EVENT = 900
"""Characters. What is displayed at once is one event in AWX, which lists up to 1,024 of its text, colours included."""


def utc_now() -> str:
    """As reports have it, for example 2026-11-22T12:00:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(value: Any) -> Any:
    """Without the types by which Ansible marks where values came from."""
    return json.loads(json.dumps(value, default=str))


def failure_text(what: str, problems: Sequence[str]) -> str:
    """``what``, how many problems there are, and each with its number."""
    listed = " ".join(f"({number}) {text}" for number, text in enumerate(problems, 1))
    return f"{what}, {counted(len(problems), 'problem')}: {listed}"


def pieces(lines: Iterable[str]) -> Iterator[str]:
    """The lines in as few texts as AWX shows whole."""
    piece: list[str] = []
    size = 0
    for line in lines:
        # an event ends each of its lines with two characters
        size += len(line) + 2
        if piece and size > EVENT:
            yield "\n".join(piece)
            piece, size = [], len(line) + 2
        piece.append(line)
    if piece:
        yield "\n".join(piece)


def show(display: Any, table: str) -> None:
    """A table on the screen, and in AWX."""
    for piece in pieces(table.splitlines()):
        display.display(piece)
