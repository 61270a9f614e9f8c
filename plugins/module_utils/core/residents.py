# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server has in memory, as /api/ps tells it: one entry a runner, so a model that moved may be there twice."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .engine_time import engine_time
from .errors import CorralError
from .names import ModelName, parse_name

FOREVER = -1
_YEARS = 10 * 365 * 86400.0
"""A server that keeps a model for ever (``keep_alive`` below 0) says that it expires in the year 2319 or so."""


@dataclass(frozen=True)
class Resident:
    """One runner. ``keep_alive`` is in seconds from now, -1 for ever, None where the server does not tell (yet)."""

    name: ModelName
    digest: str
    size: int = 0
    size_vram: int = 0
    context_length: int = 0
    keep_alive: int | None = None

    @property
    def forever(self) -> bool:
        return self.keep_alive == FOREVER

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "name": self.name.display}


def residents(entries: Iterable[Mapping[str, Any]], now: float) -> tuple[Resident, ...]:
    """The runners of /api/ps, in its order; ``now`` in seconds since 1970. What has no valid name is left out."""
    found = []
    for entry in entries:
        try:
            name = parse_name(str(entry.get("name") or entry.get("model") or ""))
        except CorralError:
            continue
        size, size_vram, context = (_count(entry.get(key)) for key in ("size", "size_vram", "context_length"))
        left = seconds_left(str(entry.get("expires_at") or ""), now)
        found.append(Resident(name, str(entry.get("digest") or ""), size, size_vram, context, left))
    return tuple(found)


def seconds_left(expires_at: str, now: float) -> int | None:
    """For how long the server will keep a model that nobody asks for. A moment in the past is of no use: while a model
    is busy, the moment is that of the request before."""
    left = engine_time(expires_at) - now
    if left > _YEARS:
        return FOREVER
    return math.ceil(left) if left > 0 else None


def as_before(resident: Resident) -> dict[str, Any]:
    """What to add to a request so that the model stays as long, and with as much context, as the one that is there."""
    kept = {} if resident.keep_alive is None else {"keep_alive": resident.keep_alive}
    return {**kept, **({"options": {"num_ctx": resident.context_length}} if resident.context_length else {})}


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
