# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of the exporter have seen, each for itself: the engine, the servers, the store, the logs, the asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .engine_time import engine_time
from .leases import Lease
from .names import Key
from .proofs import Failure, Proof
from .residents import Resident


@dataclass(frozen=True)
class Container:
    """An instance as the engine knows it. ``restarts``: by the engine, counted over all containers that it had."""

    id: str
    running: bool
    image: str
    image_digest: str
    restarts: int
    oom_killed: bool
    started_at: float


@dataclass(frozen=True)
class Engine:
    """``image_id``: of the declared image, "" where the host has none of that name."""

    containers: Mapping[str, Container] = field(default_factory=dict)
    image_id: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Seen:
    """One server: ``listed`` is digest by name. Where it does not answer, ``problem`` says how."""

    version: str = ""
    listed: Mapping[Key, str] = field(default_factory=dict)
    residents: tuple[Resident, ...] = ()
    problem: str = ""

    @property
    def up(self) -> bool:
        return not self.problem


@dataclass(frozen=True)
class Servers:
    """By name; who has not been looked at yet is missing."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Store:
    """``digests``: what the store holds of the declared models. ``storage``, ``scrub`` and ``space`` are as the module
    ``storage_info`` returns them; a lease is there, live or not, or None."""

    digests: Mapping[Key, str] = field(default_factory=dict)
    storage: Mapping[str, Any] = field(default_factory=dict)
    scrub: Mapping[str, Any] = field(default_factory=dict)
    space: Mapping[str, int] = field(default_factory=dict)
    leases: Mapping[str, Lease | None] = field(default_factory=dict)
    unfinished: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Logs:
    """Lines by (server, class)."""

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True)
class Ask:
    """How a server answered when it was last asked for a model; ``kind`` is "" for a real answer."""

    digest: str
    at: float
    kind: str = ""
    seconds: float = 0.0


Asks = Mapping[tuple[str, Key], Ask]


@dataclass(frozen=True)
class Probe:
    """What is known of asks, whoever asked."""

    asks: Asks = field(default_factory=dict)
    problem: str = ""


def remembered(
    key_of: Mapping[str, Key], proofs: Iterable[Proof], failures: Iterable[Failure]
) -> dict[tuple[str, Key], Ask]:
    """The asks of the host's memory. ``key_of``: the declared models by the name under which they are remembered."""
    found = [(one.instance, one.model, Ask(one.digest, one.at, "", one.seconds)) for one in proofs]
    found += [(one.instance, one.model, Ask(one.digest, one.at, one.kind or "failed")) for one in failures]
    return newest(((server, key_of[model]), ask) for server, model, ask in found if model in key_of)


def newest(asks: Iterable[tuple[tuple[str, Key], Ask]]) -> dict[tuple[str, Key], Ask]:
    """The last one of each; of two at the same time the one that failed."""
    last: dict[tuple[str, Key], Ask] = {}
    for where, ask in asks:
        known = last.get(where)
        if known is None or (known.at, bool(known.kind)) <= (ask.at, bool(ask.kind)):
            last[where] = ask
    return last


class Restarts:
    """Restarts by the engine, which counts them for each container anew: summed up, and never less than before."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, int]] = {}
        self._total: dict[str, int] = {}

    def total(self, server: str, container: str, count: int) -> int:
        before, seen = self._last.get(server, ("", 0))
        fresh = count - seen if before == container and count >= seen else count
        self._last[server] = (container, count)
        self._total[server] = self._total.get(server, 0) + max(0, fresh)
        return self._total[server]


def container_of(found: Mapping[str, Any], restarts: Restarts) -> Container:
    """From an entry of the engine's room."""
    name, identity, count = str(found["name"]), str(found["id"]), found.get("restarts")
    return Container(
        id=identity,
        running=found.get("state") == "running",
        image=str(found.get("image") or ""),
        image_digest=str(found.get("image_digest") or ""),
        restarts=restarts.total(name, identity, count if isinstance(count, int) else 0),
        oom_killed=bool(found.get("oom_killed")),
        started_at=engine_time(str(found.get("started_at") or "")),
    )
