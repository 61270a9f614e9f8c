# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server had in memory, noted before it is changed, and what has to be there again afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .digests import parse_digest
from .errors import CorralError
from .names import Key, ModelName, parse_name
from .residents import FOREVER, Resident
from .wishes import Wish

#: What was about to be unloaded stays at least until requests can have come back to the instance.
SHORTEST = 60
_CLEARLY = 0.1


def noted(resident: Resident) -> dict[str, Any]:
    """For the record of a rollout. ``keep_alive_seconds`` is -1 for ever and None for the server's default."""
    left = resident.keep_alive
    return {
        "name": resident.name.display,
        "digest": resident.digest,
        "size": resident.size,
        "size_vram": resident.size_vram,
        "context_length": resident.context_length,
        "keep_alive_seconds": left if left is None or left == FOREVER else max(SHORTEST, left),
    }


def from_notes(rows: Iterable[Any]) -> tuple[Resident, ...]:
    """From what was noted; what is no note is left out, and of a model that is noted twice, the larger counts."""
    found: dict[Key, Resident] = {}
    for row in rows:
        one = _resident(row) if isinstance(row, Mapping) else None
        if one is not None and (one.name.key not in found or found[one.name.key].size < one.size):
            found[one.name.key] = one
    return tuple(found.values())


def still_there(earlier: Iterable[Resident], now: Iterable[Resident], passed: float) -> tuple[Resident, ...]:
    """Two readings of one server, ``passed`` seconds apart, as one: the later counts. What it lacks and should have is
    kept, as the server may have been killed in between."""
    later = tuple(now)
    names = {one.name.key for one in later}
    lost = [one for one in earlier if one.name.key not in names]
    return (*later, *(one for one in lost if one.forever or (one.keep_alive is not None and one.keep_alive > passed)))


def with_declared(before: Iterable[Resident], wanted: Iterable[Wish]) -> tuple[Resident, ...]:
    """What was in memory, and what is declared resident: for as long and with the context that is declared."""
    found = {one.name.key: one for one in before}
    for wish in wanted:
        old = found.get(wish.name.key) or Resident(wish.name, "")
        context = wish.context_length or old.context_length
        found[wish.name.key] = replace(old, keep_alive=wish.keep_alive, context_length=context)
    return tuple(found.values())


def load_order(residents: Iterable[Resident], declared: frozenset[Key] = frozenset()) -> list[Resident]:
    """The largest first: what is loaded last finds the least room, and a small one still fits somewhere. What is
    declared comes after all others: it may push them out, and they may not push out it."""
    return sorted(residents, key=lambda one: (one.name.key in declared, -one.size, one.name.key))


def probe_order(
    models: Iterable[ModelName], residents: Iterable[Resident], declared: frozenset[Key] = frozenset()
) -> list[int]:
    """In which order to ask for the declared models (as indices), so that what has to be resident is asked for last."""
    rank = {one.name.key: place for place, one in enumerate(load_order(residents, declared), 1)}
    return [place for _rank, place in sorted((rank.get(name.key, 0), place) for place, name in enumerate(models))]


def needed_on_gpu(*known: Iterable[Resident]) -> frozenset[Key]:
    """The models that were seen on a GPU, by the same name whatever their digest is now."""
    return frozenset(one.name.key for residents in known for one in residents if one.size_vram > 0)


def fallen_back(needed: frozenset[Key], loaded: Iterable[Resident]) -> list[Resident]:
    """Those of ``loaded`` that are on no GPU at all though they were on one."""
    return [one for one in loaded if one.name.key in needed and one.size > 0 and one.size_vram <= 0]


def less_on_gpu(before: Iterable[Resident], loaded: Iterable[Resident]) -> list[tuple[Resident, Resident]]:
    """(before, now) of the models of which clearly less is on a GPU than before, and still something."""
    earlier = {one.name.key: one for one in before}
    pairs = [(earlier[one.name.key], one) for one in loaded if one.name.key in earlier and one.size_vram > 0]
    return [(old, new) for old, new in pairs if share_on_gpu(new) < share_on_gpu(old) - _CLEARLY]


def share_on_gpu(resident: Resident) -> float:
    return resident.size_vram / resident.size if resident.size > 0 else 0.0


def _resident(row: Mapping[str, Any]) -> Resident | None:
    try:
        name = parse_name(str(row.get("name") or ""))
    except CorralError:
        return None
    try:
        digest = parse_digest(row.get("digest"))
    except CorralError:
        digest = ""
    size, size_vram, context = (max(0, _whole(row.get(key)) or 0) for key in ("size", "size_vram", "context_length"))
    return Resident(name, digest, size, size_vram, context, _whole(row.get("keep_alive_seconds")))


def _whole(value: Any) -> int | None:
    sound = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return int(value) if sound else None
