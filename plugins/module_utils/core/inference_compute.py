# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server says at its start about what it computes on: a line ``msg="inference compute"`` for each device."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_MARK = 'msg="inference compute"'
_PAIR = re.compile(r'(\w+)=("(?:[^"\\]|\\.){0,200}"|[^\s"]{0,200})')
_SIZE = re.compile(r"(\d{1,7}(?:\.\d{1,3})?) ?([KMGT]?)i?B", re.ASCII)
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_LINE = 2000
_NAME = 80


@dataclass(frozen=True)
class Device:
    """``total`` and ``available`` are in bytes, 0 where they are not told; ``library`` is cuda, rocm, cpu, …"""

    id: str
    library: str
    name: str = ""
    total: int = 0
    available: int = 0

    @property
    def is_cpu(self) -> bool:
        return self.library in {"cpu", ""}


def devices(lines: Iterable[str]) -> tuple[Device, ...]:
    """The devices of the lines of one start, in their order, each once."""
    found: dict[str, Device] = {}
    for line in lines:
        if _MARK not in line[:_LINE]:
            continue
        pairs = {key: value.strip('"') for key, value in _PAIR.findall(line[:_LINE])}
        name = pairs.get("description") or pairs.get("name") or ""
        one = Device(
            _plain(pairs.get("id", "")),
            _plain(pairs.get("library", "")).lower(),
            _plain(name),
            _bytes(pairs.get("total", "")),
            _bytes(pairs.get("available", "")),
        )
        found[f"{one.library} {one.id}"] = one
    return tuple(found.values())


def _bytes(text: str) -> int:
    size = _SIZE.fullmatch(text.strip())
    return int(float(size.group(1)) * _UNITS[size.group(2)]) if size else 0


def _plain(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:_NAME]
