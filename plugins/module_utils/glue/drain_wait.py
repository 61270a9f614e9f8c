# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until nothing is in flight on a server that was drained, whatever happens to it or to the gateway meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..core.drain_verdict import is_down
from ..core.errors import CorralError
from ..core.gateway_stats import ServerState
from .at_once import each
from .gateway_door import Door

STEP = 0.05
#: One reading of 0 can fall between a request that ends and the next one of the same connection.
READINGS = 2
_LOOK_AGAIN = 1.0
#: How often the drain may be found undone at the end. A gateway that is killed over and over gets that far as well.
_ROUNDS = 20


@dataclass(frozen=True)
class Drained:
    """How it went. ``busy``: what still runs or waits on it; ``old`` of that, in old workers of the gateway."""

    name: str
    seconds: float = 0.0
    at_start: int = 0
    busy: int = 0
    old: int = 0
    down: bool = False
    again: int = 0
    late: bool = False


@dataclass(frozen=True)
class Patience:
    """Until when (on the door's clock) to wait; ``answers`` tells whether an instance answers at all."""

    until: float
    answers: Callable[[str], bool]


def drain_all(door: Door, names: Sequence[str], patience: Patience) -> list[Drained]:
    """Drain and wait for all at the same time; in the end all of them are drained and idle at once, or late."""
    found: dict[str, Drained] = {}
    pending = list(names)
    for _unused in range(_ROUNDS):
        if not pending:
            return [found[name] for name in names]
        for one in each(pending, lambda name: _drain(door, name, found.get(name), patience), len(pending)):
            found[one.name] = one
        pending = _still_to_do(door, found.values())
    raise CorralError(
        f"{', '.join(pending)} is put back into service at the gateway again and again while it is drained.",
        kind="drain_undone",
        remedy="Find out who else commands the gateway (set server … state ready), and run again.",
        instances=pending,
    )


def _still_to_do(door: Door, found: Iterable[Drained]) -> list[str]:
    """Looks once more: since the first was idle, the gateway may have been killed, and come back without the drain."""
    states = door.servers()
    waited = [(one, states.get(one.name)) for one in found if not (one.late or one.down)]
    return [one.name for one, state in waited if state is not None and not (_held(state) and state.idle)]


def _drain(door: Door, name: str, before: Drained | None, patience: Patience) -> Drained:
    started, idle, look_again = door.clock(), 0, 0.0
    state = door.state(name)
    first = before or Drained(name, at_start=_busy(state))
    again, fresh = first.again, before is None
    while True:
        if state is not None and not _held(state):
            door.drain(name)
            again, idle = again + (not fresh), 0
        else:
            idle = idle + 1 if _busy(state) == 0 else 0
        fresh, now = False, door.clock()
        here = replace(first, seconds=first.seconds + now - started, again=again)
        if idle >= READINGS:
            return here
        if idle == 0 and state is not None:
            here = replace(here, busy=_busy(state), old=state.old_in_flight)
            if is_down(state.status) and now >= look_again:
                if not patience.answers(name):
                    return replace(here, down=True)
                look_again = now + _LOOK_AGAIN
            if now >= patience.until:
                return replace(here, late=True)
        door.sleep(STEP)
        state = door.state(name)


def _held(state: ServerState) -> bool:
    """Whether nothing new gets to it. What only old workers know cannot be told to them, it ends by itself."""
    return state.drained or not state.known


def _busy(state: ServerState | None) -> int:
    """In flight or waiting, old workers included; nothing for a server that no worker knows."""
    return 0 if state is None else state.in_flight + state.queued
