# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when a blob is of no use: the marks of phase one, and what the past of the manifests says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Mark:
    """A blob was seen without a manifest at ``first_seen`` (seconds since 1970); it counts for that very file only."""

    first_seen: float
    inode: int
    size: int


def parse_marks(raw: bytes) -> dict[str, Mark]:
    """Marks by path; what is no mark of ours is left out, and its time begins anew."""
    try:
        document = json.loads(raw)
        entries = document["marks"].items() if document["schema"] == SCHEMA else ()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    found = {path: _mark(entry) for path, entry in entries}
    return {path: mark for path, mark in found.items() if mark is not None}


def dump_marks(marks: Mapping[str, Mark]) -> bytes:
    entries = {path: asdict(mark) for path, mark in sorted(marks.items())}
    return (json.dumps({"schema": SCHEMA, "marks": entries}) + "\n").encode()


def marked_since(mark: Mark | None, inode: int, size: int, superseded: Iterable[float], now: float) -> float | None:
    """When the blob was last known to lose a manifest, ``None`` when nothing tells.

    ``superseded``: the times at which manifests went that named it. A time in the future is of a clock that was wrong.
    """
    times = [when for when in superseded if when <= now]
    if mark is not None and (mark.inode, mark.size) == (inode, size) and mark.first_seen <= now:
        times.append(mark.first_seen)
    return max(times, default=None)


def _mark(entry: Any) -> Mark | None:
    if not isinstance(entry, dict):
        return None
    first_seen, inode, size = entry.get("first_seen"), entry.get("inode"), entry.get("size")
    if not isinstance(first_seen, (int, float)) or not 0 <= first_seen < 1e11:
        return None
    if isinstance(inode, bool) or isinstance(size, bool):
        return None
    return Mark(float(first_seen), inode, size) if isinstance(inode, int) and isinstance(size, int) else None
