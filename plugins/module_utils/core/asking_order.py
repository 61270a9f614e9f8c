# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order to ask a server for its models, and whom that pushes out of its memory: said before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .memory_room import Room, would_push_out
from .names import ModelName
from .placement import probe_order
from .residents import Resident
from .verify_finding import NOTE, WARNING, VerifyFinding

_USUAL = 300
"""Seconds for which a server keeps a model when nobody says otherwise."""


@dataclass(frozen=True)
class Ask:
    """One model to ask for. ``there``: as it is in memory before anybody was asked. ``pushes_out``: of what was there
    before. ``skip``: it is not asked, as that must not be."""

    name: ModelName
    there: Resident | None = None
    pushes_out: tuple[Resident, ...] = ()
    skip: bool = False


def asking_order(
    wanted: Sequence[tuple[ModelName, str, int]], loaded: Sequence[Resident], room: Room, evict: bool
) -> tuple[Ask, ...]:
    """``wanted``: name, digest and size of each model. What is in memory already is asked for last, so that it is there
    in the end. ``evict``: whether a model may be asked for that pushes out another."""
    before = list(loaded)
    now = list(loaded)
    asks = []
    for place in probe_order([name for name, _digest, _size in wanted], loaded):
        name, digest, size = wanted[place]
        there = next((one for one in before if one.name.key == name.key and one.digest == digest), None)
        new = there or Resident(name, digest, size, size, keep_alive=_USUAL)
        gone = would_push_out(now, new, room)
        ours = tuple(one for one in gone if one in before)
        skip = bool(ours) and not evict
        asks.append(Ask(name, there, ours, skip))
        if not skip:
            now = [one for one in now if one not in gone and one.name.key != name.key] + [new]
    return tuple(asks)


def to_restore(before: Iterable[Resident], now: Iterable[Resident], passed: float) -> list[Resident]:
    """What was in memory, would still be there if nobody had been asked, and is not; the largest first."""
    there = {(one.name.key, one.digest) for one in now}
    lost = [one for one in before if (one.name.key, one.digest) not in there]
    stays = [one for one in lost if one.keep_alive is None or one.forever or one.keep_alive > passed]
    return sorted(stays, key=lambda one: -one.size)


def asking_findings(server: str, asks: Iterable[Ask]) -> list[VerifyFinding]:
    """What has to be said before a server is asked."""
    found = []
    for one in asks:
        if one.pushes_out:
            names = ", ".join(dict.fromkeys(gone.name.display for gone in one.pushes_out))
            model = one.name.display
            if one.skip:
                text = f"{server} was not asked for {model}, as that would push out {names}, which is in its memory."
                found.append(VerifyFinding("asking", WARNING, f"{text} Ask with verify_evict=true.", server, model))
            else:
                text = f"Asking {server} for {model} pushes out {names}, which is loaded again afterwards."
                found.append(VerifyFinding("asking", NOTE, text, server, model))
    return found


def kept_as(one: Resident) -> dict[str, Any]:
    """How a model is asked for so that it stays as long as it would have, with the context that it had."""
    keep = None if one.keep_alive is None else f"{one.keep_alive}s"
    return {"keep_alive": keep, "num_ctx": one.context_length}
