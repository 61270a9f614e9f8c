# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load one declared resident after another on one server, and look each time what became of the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.errors import CorralError
from ..core.names import Key
from ..core.placement import fallen_back
from ..core.probe_plan import ModelResult, Server, WantedModel
from ..core.resident_memory import Loaded, as_loaded
from ..core.resident_plan import Stale
from ..core.resident_set import KEEP, RELOAD, RENEW, Row, State, said
from ..core.residents import Resident, residents
from ..server.client import OllamaClient
from .ask import Asking, ask
from .resident import Reloading, reload_stale


@dataclass(frozen=True)
class Loading:
    """How to load. ``needed``: models that were seen on a GPU of this host. The last three are for tests."""

    deadline: float = 300.0
    timeout: float = 30.0
    needed: frozenset[Key] = frozenset()
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time


@dataclass
class Outcome:
    """What became of one row: ``there`` as it is in memory in the end, ``gone`` whom its load pushed out."""

    row: Row
    asked: ModelResult | None = None
    there: Resident | None = None
    gone: tuple[Resident, ...] = ()
    problem: str = ""
    kind: str = ""
    notes: list[str] = field(default_factory=list)


def begun(row: Row) -> Outcome:
    """A row before anything is done about it."""
    return Outcome(row, there=row.now if row.action in (KEEP, RENEW) else None)


@dataclass
class Bench:
    """One server while its residents are loaded."""

    server: Server
    state: State
    how: Loading
    loaded: tuple[Resident, ...]
    declared: frozenset[Key] = frozenset()
    done: list[Outcome] = field(default_factory=list)

    @property
    def client(self) -> OllamaClient:
        return OllamaClient(self.server.url, self.how.timeout)

    def look(self) -> tuple[Resident, ...]:
        return residents(self.client.ps(), self.how.now())


def load_all(server: Server, state: State, rows: Sequence[Row], how: Loading) -> list[Outcome]:
    """In the order of ``rows``; after a failure no further one is loaded on this server."""
    bench = Bench(server, state, how, state.loaded, frozenset(row.name.key for row in rows))
    for row in rows:
        one = begun(row)
        bench.done.append(one)
        if row.todo and not any(earlier.problem for earlier in bench.done):
            try:
                _load(bench, one)
            except CorralError as error:
                _fail(one, error.kind, f"{server.name}: {row.name.display}: {error}")
        elif row.todo:
            _fail(one, "not_asked", f"{server.name}: {row.name.display} was not loaded, as one before it failed.")
    try:
        _judge(bench)
    except CorralError as error:
        _fail(bench.done[0], error.kind, f"{server.name}: {error}")
    return bench.done


def _load(bench: Bench, one: Outcome) -> None:
    row, clock = one.row, bench.how.clock
    before, began = bench.loaded, clock()
    one.asked = _ask(bench, row)
    bench.loaded = bench.look()
    if not one.asked.problem and row.action == RELOAD and _find(bench.loaded, row) is None:
        _leave_old(bench, row)
        one.asked = _ask(bench, row)
        bench.loaded = bench.look()
    one.gone = tuple(_gone(before, bench.loaded, clock() - began, row.name.key))
    one.there = _find(bench.loaded, row)
    if one.asked.problem:
        return _fail(one, one.asked.kind, one.asked.problem)
    return _look_at(bench, one)


def _ask(bench: Bench, row: Row) -> ModelResult:
    how, entry = bench.how, bench.state.entries[row.name.key]
    base = ModelResult(row.name.display, row.digest, row.digest, listed=True)
    asking = Asking(how.deadline, f"{row.wish.keep_alive}s", row.context, clock=how.clock, sleep=how.sleep)
    return ask(bench.client, bench.server, row.name, entry, base, asking)


def _leave_old(bench: Bench, row: Row) -> None:
    """Where old and new share their weights, the server goes on with the runner that it has, under the old digest."""
    old = _older(bench, row)
    if not old:
        return
    work = Reloading(
        {"timeout": bench.how.timeout, "deadline": bench.how.deadline}, (), bench.how.clock, bench.how.sleep
    )
    reload_stale(work, Stale(bench.server, WantedModel(row.name, row.digest), old, "reload", old))
    bench.loaded = bench.look()


def _look_at(bench: Bench, one: Outcome) -> None:
    row, server, there = one.row, bench.server.name, one.there
    if there is None:
        text = f"{server}: {row.name.display} answered and is not in memory: it does not fit, or its server unloads it."
        return _fail(one, "not_resident", f"{text} Look at its log, and at OLLAMA_MAX_LOADED_MODELS.")
    if _on_cpu(bench, there):
        text = f"{server}: not a byte of {row.name.display} is on a GPU (size_vram 0), and it has GPUs to be on."
        return _fail(one, "cpu_fallback", f"{text} See in its log which it found (inference compute).")
    if row.wish.context_length and there.context_length != row.wish.context_length:
        one.notes.append(
            f"{server}: {row.name.display} was asked for with a context of {row.wish.context_length}, and has"
            f" {there.context_length}."
        )
    # Whom a server chooses is its business: where somebody was to go, it may be another one, but none that is declared.
    wrong = [found for found in one.gone if not row.pushes or found.name.key in bench.declared]
    if wrong:
        names = ", ".join(found.name.display for found in wrong)
        text = (
            f"{server}: loading {row.name.display} has pushed out {names}: there is not enough memory for all of them."
        )
        return _fail(one, "pushed_out", f"{text} Declare fewer or smaller ones for this instance (corral_residents).")
    if one.gone:
        one.notes.append(said(replace(row, pushes=one.gone), server))
    if any(found.forever for found in _older(bench, row)):
        text = f"{server}: the version of {row.name.display} that was in memory before stays there for ever beside it."
        one.notes.append(f"{text} Only a restart ends it (playbook rolling_restart with -e corral_force=true).")
    return None


def _older(bench: Bench, row: Row) -> tuple[Resident, ...]:
    return tuple(one for one in bench.loaded if one.name.key == row.name.key and one.digest != row.digest)


def _judge(bench: Bench) -> None:
    """In the end all of them are there, together."""
    if not any(one.row.todo for one in bench.done):
        return
    bench.loaded = bench.look()
    for one in bench.done:
        there = _find(bench.loaded, one.row)
        if there is None and one.there is not None and not one.problem:
            text = f"{bench.server.name}: {one.row.name.display} has left again while the others were loaded."
            _fail(one, "pushed_out", f"{text} Declare fewer or smaller ones for this instance (corral_residents).")
        one.there = there


def _on_cpu(bench: Bench, there: Resident) -> bool:
    needed = {there.name.key} if bench.state.room.on_gpu else bench.how.needed
    return bool(fallen_back(frozenset(needed), [there]))


def _gone(before: Iterable[Resident], now: Iterable[Resident], passed: float, own: Key) -> list[Resident]:
    """Those that were to stay longer than the time that has passed."""
    left = {(one.name.key, one.digest) for one in now}
    return [
        one
        for one in before
        if (one.name.key, one.digest) not in left
        and one.name.key != own
        and (one.forever or (one.keep_alive is not None and one.keep_alive > passed + 1))
    ]


def _find(loaded: Iterable[Resident], row: Row) -> Resident | None:
    return next((one for one in loaded if one.name.key == row.name.key and one.digest == row.digest), None)


def _fail(one: Outcome, kind: str, problem: str) -> None:
    one.kind, one.problem = kind, problem


def to_remember(instance: str, done: Iterable[Outcome], now: float) -> list[Loaded]:
    """What was loaded, or had its time prolonged, and is there."""
    good = [one for one in done if one.row.todo and not one.problem]
    there = [one.there for one in good if one.there is not None]
    return as_loaded(instance, [one.row.wish for one in good], there, now)


def shown(one: Outcome) -> dict[str, Any]:
    """One model of one server, in the same form before and after."""
    row, asked = one.row, one.asked or ModelResult(one.row.name.display)
    there = one.there
    return {
        "name": row.name.display,
        "digest": row.digest,
        "action": row.action,
        "why": row.why,
        "keep_alive_seconds": row.wish.keep_alive,
        "context_length": there.context_length if there else row.wish.context_length,
        "resident": there is not None,
        "size": there.size if there else row.size,
        "size_vram": there.size_vram if there else 0,
        "endpoint": asked.endpoint,
        "seconds": round(asked.seconds, 3),
        "load_seconds": round(asked.load_seconds, 3),
        "pushes_out": [found.name.display for found in (one.gone or row.pushes)],
        "problem": one.problem,
    }
