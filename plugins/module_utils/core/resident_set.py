# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be loaded so that a server has in memory what is declared, in which order, and what does not go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .memory_room import Room, would_push_out
from .names import Key, ModelName
from .problems import Problem
from .resident_memory import Loaded
from .residents import FOREVER, Resident
from .units import human_bytes, human_seconds
from .wishes import Wish

KEEP, RENEW, LOAD, RELOAD, WAIT = "keep", "renew", "load", "reload", "wait"
_SHARE = 2
"""A model whose time is limited is left alone while at least the half of it is left."""
_SLACK = 5
"""Seconds by which a server's clock may be off."""


@dataclass(frozen=True)
class State:
    """One server as it is. ``entries``: its lines of /api/tags; ``memory``: what was loaded on purpose before."""

    name: str
    loaded: tuple[Resident, ...] = ()
    entries: Mapping[Key, Mapping[str, Any]] = field(default_factory=dict)
    room: Room = field(default_factory=Room)
    memory: Mapping[Key, Loaded] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What is to be done about one wish. ``now``: its runner; ``size``: bytes that it takes, or is expected to;
    ``pushes``: whom loading it would unload; ``why``: in words, for the step and the diff."""

    wish: Wish
    action: str
    digest: str
    size: int
    now: Resident | None = None
    why: str = ""
    pushes: tuple[Resident, ...] = ()

    @property
    def name(self) -> ModelName:
        return self.wish.name

    @property
    def todo(self) -> bool:
        return self.action in (RENEW, LOAD, RELOAD)

    @property
    def context(self) -> int:
        """To be asked for: a request with another context than the runner's would load the model anew."""
        return self.wish.context_length or (self.now.context_length if self.now and self.action == RENEW else 0)


def unlisted(state: State, wanted: Iterable[Wish]) -> list[Problem]:
    """The declared residents that the server does not list."""
    return [
        Problem(
            "not_listed",
            f"{state.name} does not list {wish.name.display}, which is declared resident.",
            "Declare it in corral_models too, and run the playbook deploy.",
            {"instance": state.name, "model": wish.name.display},
        )
        for wish in wanted
        if wish.name.key not in state.entries
    ]


def too_much(state: State, wanted: Sequence[Wish]) -> list[Problem]:
    """What is declared for one server and cannot be in its memory together, whatever else is there."""
    rows = [(wish.name.display, expected_size(state, wish)) for wish in wanted]
    room, found = state.room, []
    if room.models and len(rows) > room.models:
        names = ", ".join(name for name, _size in rows)
        text = f"{len(rows)} models are declared resident on {state.name} ({names}), and it keeps {room.models} loaded."
        remedy = "Declare fewer, or raise OLLAMA_MAX_LOADED_MODELS (corral_environment) and deploy."
        found.append(Problem("too_many_residents", text, remedy, {"instance": state.name}))
    total = sum(size for _name, size in rows)
    # One alone that is larger than the GPUs' memory is split: the rest of it is computed by the processor.
    if room.memory and total > room.memory and not (room.on_gpu and len(rows) == 1):
        sizes = ", ".join(f"{name} {human_bytes(size)}" for name, size in rows)
        what = "its GPUs have" if room.on_gpu else "it may use"
        text = f"{sizes} are declared resident on {state.name}: {human_bytes(total)} or more, and {what}"
        text = f"{text} {human_bytes(room.memory)} of memory."
        remedy = "Declare fewer or smaller ones for this instance (corral_residents: instances)."
        found.append(Problem("residents_too_large", text, remedy, {"instance": state.name}))
    return found


def plan(state: State, wanted: Iterable[Wish], push_out: bool = False) -> tuple[Row, ...]:
    """The rows of one server, the largest first: what is loaded last finds the least room, and a small one still fits
    somewhere. ``push_out``: load also what unloads a model that is not declared resident."""
    rows: list[Row] = []
    ordered = sorted(wanted, key=lambda wish: (-expected_size(state, wish), wish.name.key))
    declared = frozenset(wish.name.key for wish in ordered)
    loaded = list(state.loaded)
    for wish in ordered:
        row = _row(state, wish)
        if row.action in (LOAD, RELOAD):
            row = _within(row, loaded, state.room, declared if push_out else None)
        if row.action in (LOAD, RELOAD):
            gone = {(one.name.key, one.digest) for one in row.pushes}
            loaded = [one for one in loaded if (one.name.key, one.digest) not in gone]
            loaded.insert(0, _expected(row))
        rows.append(row)
    return tuple(rows)


def expected_size(state: State, wish: Wish) -> int:
    """What it takes of the server's memory: as it is there, as it was the last time, or at least its weights."""
    entry = state.entries.get(wish.name.key) or {}
    digest = str(entry.get("digest") or "")
    for one in state.loaded:
        if one.name.key == wish.name.key and one.digest == digest and _context_fits(state, wish, one):
            return state.room.taken(one)
    known = state.memory.get(wish.name.key)
    if known is not None and known.digest == digest and known.asked == wish.context_length:
        return (known.size_vram if state.room.on_gpu else known.size) or known.size
    size = entry.get("size")
    return size if isinstance(size, int) and not isinstance(size, bool) and size > 0 else 0


def kept_long_enough(wish: Wish, one: Resident) -> bool:
    """Whether it stays as long as declared: for ever, or for the half of a limited time and no longer than that time.
    One that is being asked just now gets its time again when it is done."""
    if one.keep_alive is None:
        return True
    if wish.keep_alive == FOREVER or one.forever:
        return wish.keep_alive == FOREVER and one.forever
    return wish.keep_alive <= one.keep_alive * _SHARE and one.keep_alive <= wish.keep_alive + _SLACK


def said(row: Row, server: str) -> str:
    """Why it is not loaded, or what loading it unloads; "" where there is nothing to say."""
    if not row.pushes:
        return ""
    names = ", ".join(f"{one.name.display} (stays {_stays(one)})" for one in row.pushes)
    if row.action == WAIT:
        return (
            f"{server}: {row.name.display} is not loaded, as it would push out {names}. Run the playbook prewarm again"
            " when that is gone, or with -e prewarm_push_out=true."
        )
    return f"{server}: loading {row.name.display} pushes out {names}."


def _row(state: State, wish: Wish) -> Row:
    digest = str((state.entries.get(wish.name.key) or {}).get("digest") or "")
    size = expected_size(state, wish)
    runners = [one for one in state.loaded if one.name.key == wish.name.key]
    current = next((one for one in runners if one.digest == digest), None)
    if current is None:
        if not runners:
            return Row(wish, LOAD, digest, size, None, "not in memory")
        return Row(wish, RELOAD, digest, size, runners[0], f"in memory at {runners[0].digest[:12]}")
    if not _context_fits(state, wish, current):
        why = f"in memory with a context of {current.context_length}, not {wish.context_length}"
        return Row(wish, RELOAD, digest, size, current, why)
    if not kept_long_enough(wish, current):
        return Row(wish, RENEW, digest, size, current, _other_time(wish, current))
    return Row(wish, KEEP, digest, size, current)


def _other_time(wish: Wish, one: Resident) -> str:
    """Without the seconds that are left: what a check says has to hold for the run after it."""
    if one.forever:
        return f"stays for ever, not {_time(wish.keep_alive)}"
    soon = wish.keep_alive == FOREVER or (one.keep_alive or 0) < wish.keep_alive
    return f"{'leaves too soon' if soon else 'stays longer'}, to stay {_time(wish.keep_alive)}"


def _context_fits(state: State, wish: Wish, one: Resident) -> bool:
    """A server that gave less than was asked for (the model has no more) would give the same again."""
    known = state.memory.get(wish.name.key)
    same = known is not None and (known.digest, known.asked) == (one.digest, wish.context_length)
    given = known.given if known is not None and same else 0
    return not wish.context_length or one.context_length in (wish.context_length, given)


def _within(row: Row, loaded: Sequence[Resident], room: Room, declared: frozenset[Key] | None) -> Row:
    """WAIT instead, where it would push out what is in use; ``declared`` (unless None): only these may not be."""
    stays = [one for one in loaded if not (one.name.key == row.name.key and one.digest == row.digest)]
    new = Resident(row.name, row.digest, row.size, row.size)
    pushes = tuple(one for one in would_push_out(stays, new, room) if one.name.key != row.name.key)
    if not pushes:
        return row
    held = declared is None or any(one.name.key in declared for one in pushes)
    return replace(row, action=WAIT if held else row.action, pushes=pushes)


def _expected(row: Row) -> Resident:
    return Resident(row.name, row.digest, row.size, row.size, row.wish.context_length, row.wish.keep_alive)


def _stays(one: Resident) -> str:
    return "until it is idle" if one.keep_alive is None else _time(one.keep_alive)


def _time(seconds: int) -> str:
    return "for ever" if seconds == FOREVER else f"for {human_seconds(seconds)}"
