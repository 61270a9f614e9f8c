# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who takes which blobs from whom, so that a fleet downloads each byte once: waves, worked out from what hosts have.

A *seed* takes from upstream what no host has; everybody else takes it from *peers* that have it whole. In a wave a peer
serves no more than ``fan_out`` hosts, so the hosts that have a blob grow by that factor from wave to wave.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Peers that a host is told beyond those that were dealt to it, for when these fail.
SPARES = 3
_MAX_WAVES = 1000


@dataclass(frozen=True)
class Host:
    """``has``: the digests that it has whole. ``lacks``: those that it needs, with their sizes."""

    name: str
    has: frozenset[str]
    lacks: Mapping[str, int]

    @property
    def lacking(self) -> int:
        return sum(self.lacks.values())


@dataclass(frozen=True)
class Part:
    """One blob for one host: from ``peers`` at the same time, from ``spares`` when they fail; without peers, from
    upstream."""

    digest: str
    size: int
    peers: tuple[str, ...] = ()
    spares: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"digest": self.digest, "size": self.size, "peers": list(self.peers), "spares": list(self.spares)}


@dataclass(frozen=True)
class Transfer:
    """What one host takes in one wave; ``bytes_per_second`` 0 is no limit."""

    host: str
    parts: tuple[Part, ...]
    bytes_per_second: int = 0

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(sorted({peer for part in self.parts for peer in (*part.peers, *part.spares)}))

    @property
    def from_upstream(self) -> int:
        return sum(part.size for part in self.parts if not part.peers)


@dataclass(frozen=True)
class Caps:
    """Bytes a second that one host takes, and that all of them take together in a wave; 0 is no limit."""

    host: int = 0
    fleet: int = 0

    def each(self, hosts: int) -> int:
        """The limit of each of so many hosts; at least one byte a second, as 0 would be none."""
        shares = [cap for cap in (self.host, self.fleet // max(1, hosts) or (1 if self.fleet else 0)) if cap]
        return min(shares, default=0)


Wave = tuple[Transfer, ...]


def next_wave(hosts: Iterable[Host], fan_out: int = 1, bad: Collection[str] = (), caps: Caps = Caps()) -> Wave:
    """What is taken next; empty when nobody lacks anything. ``bad``: hosts from which nobody takes any more.

    The same for the same hosts, in whatever order they come.
    """
    needy = sorted((host for host in hosts if host.lacks), key=lambda host: (-host.lacking, host.name))
    holders = _holders(hosts, bad)
    parts: dict[str, dict[str, Part]] = {host.name: {} for host in needy}
    _seed(needy, holders, parts)
    _deal(needy, holders, parts, max(1, fan_out))
    busy = [host for host in needy if parts[host.name]]
    rate = caps.each(len(busy))
    return tuple(
        Transfer(host.name, tuple(sorted(parts[host.name].values(), key=lambda part: (-part.size, part.digest))), rate)
        for host in busy
    )


def plan_waves(
    hosts: Sequence[Host], fan_out: int = 1, bad: Collection[str] = (), caps: Caps = Caps()
) -> tuple[Wave, ...]:
    """All waves, should each end well."""
    waves: list[Wave] = []
    now = {host.name: host for host in hosts}
    while len(waves) < _MAX_WAVES:
        wave = next_wave(tuple(now.values()), fan_out, bad, caps)
        if not wave:
            break
        waves.append(wave)
        for transfer in wave:
            now[transfer.host] = after(now[transfer.host], (part.digest for part in transfer.parts))
    return tuple(waves)


def after(host: Host, digests: Iterable[str]) -> Host:
    """The host when it has got these."""
    got = frozenset(digests)
    return Host(host.name, host.has | got, {one: size for one, size in host.lacks.items() if one not in got})


def _holders(hosts: Iterable[Host], bad: Collection[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for host in sorted(hosts, key=lambda one: one.name):
        if host.name not in bad:
            for digest in host.has:
                found.setdefault(digest, []).append(host.name)
    return found


def _seed(needy: Sequence[Host], holders: Mapping[str, list[str]], parts: dict[str, dict[str, Part]]) -> None:
    """What nobody has, to as few hosts as possible: whoever lacks the most of it takes it, each blob once."""
    open_ones = {digest: size for host in needy for digest, size in host.lacks.items() if digest not in holders}
    while open_ones:
        # an empty blob is wanted too
        best = min(needy, key=lambda one: (-sum(open_ones[d] + 1 for d in one.lacks if d in open_ones), one.name))
        taken = {digest: size for digest, size in open_ones.items() if digest in best.lacks}
        for digest, size in taken.items():
            parts[best.name][digest] = Part(digest, size)
            del open_ones[digest]


def _deal(
    needy: Sequence[Host], holders: Mapping[str, list[str]], parts: dict[str, dict[str, Part]], fan_out: int
) -> None:
    """Peers for as many hosts as they may serve; what they could serve beyond that makes those hosts faster."""
    free = {name: fan_out for names in holders.values() for name in names}
    for host in needy:
        open_ones = {digest: size for digest, size in host.lacks.items() if digest in holders}
        while open_ones:
            peer = _best(host.name, open_ones, holders, free)
            if not peer:
                break
            free[peer] -= 1
            for digest in [digest for digest in open_ones if peer in holders[digest]]:
                parts[host.name][digest] = Part(digest, open_ones.pop(digest), (peer,))
    for host in needy:
        _help(host.name, parts[host.name], holders, free)


def _best(host: str, wanted: Mapping[str, int], holders: Mapping[str, list[str]], free: Mapping[str, int]) -> str:
    """The peer with the most of what is wanted, and of those the one that has the least to do; "" when none is free."""
    worth: dict[str, int] = {}
    for digest, size in wanted.items():
        for name in holders[digest]:
            if name != host and free[name] > 0:
                worth[name] = worth.get(name, 0) + size + 1
    return min(worth, key=lambda name: (-worth[name], -free[name], name), default="")


def _help(host: str, parts: dict[str, Part], holders: Mapping[str, list[str]], free: dict[str, int]) -> None:
    """One more peer where one is idle, and the spares, begun behind the peer so that they are not the same for all."""
    mine = {digest: part.size for digest, part in parts.items() if part.peers}
    dealt = {peer for part in parts.values() for peer in part.peers}
    idle = {name: count if name not in dealt else 0 for name, count in free.items()}
    extra = _best(host, mine, holders, idle) if mine else ""
    if extra:
        free[extra] -= 1
    for digest, part in parts.items():
        if part.peers:
            names = [name for name in holders[digest] if name != host]
            peers = (*part.peers, extra) if extra in names else part.peers
            begin = names.index(part.peers[0])
            others = [name for name in (*names[begin:], *names[:begin]) if name not in peers]
            parts[digest] = Part(digest, part.size, peers, tuple(others[:SPARES]))
