# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was seen to samples: one entry per metric and set of labels, every value a finite number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .exporter_config import Config
from .exporter_metrics import DRIFT_KINDS, LEASES
from .exporter_seen import Ask, Engine, Logs, Probe, Seen, Servers, Store
from .findings import KINDS
from .leases import Lease
from .log_classes import SERVER_CLASSES
from .names import Key, ModelName

MAX_LABEL = 160
#: A server says what it has in memory; more than this many are not looked at.
MAX_RESIDENTS = 64
#: The metric without corral_, the values of its labels without the project, the value.
Sample = tuple[str, tuple[str, ...], float]


@dataclass(frozen=True)
class All:
    """Everything that the parts have, at one moment (seconds since 1970)."""

    now: float
    engine: Engine = field(default_factory=Engine)
    servers: Servers = field(default_factory=Servers)
    store: Store = field(default_factory=Store)
    logs: Logs = field(default_factory=Logs)
    probe: Probe = field(default_factory=Probe)


def samples(config: Config, found: All) -> Iterator[Sample]:
    """All but those about the exporter itself; none is there twice."""
    cells = [_Cell(config, found, server.name, name) for server in config.servers for name in config.models]
    yield from _instances(config, found)
    yield from _counts(config, found, cells)
    for cell in cells:
        yield from cell.samples()
    for server in config.servers:
        yield from _residents(config, server.name, found.servers.seen.get(server.name))
    yield from _store(found.store, found.now)
    yield from (("drift", (kind,), float(count)) for kind, count in _drift(config, found, cells).items())
    for server in config.servers:
        for one in SERVER_CLASSES:
            count = found.logs.counts.get((server.name, one.name))
            if count is not None:
                yield "log_events_total", (server.name, one.name), float(count)


def label(value: Any) -> str:
    """What may stand in a label, whoever wrote it: shown as it is where it can be shown, and short."""
    text = str(value)
    text = "".join(char if char.isprintable() else "?" for char in text[: MAX_LABEL + 1])
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"


def number(value: Any) -> float:
    """0 for what is no finite number."""
    try:
        found = float(value) if isinstance(value, (int, float)) else 0.0
    except OverflowError:
        return 0.0
    return found if math.isfinite(found) else 0.0


@dataclass(frozen=True)
class _Cell:
    """One declared model on one declared server."""

    config: Config
    found: All
    server: str
    model: ModelName

    @property
    def seen(self) -> Seen | None:
        return self.found.servers.seen.get(self.server)

    @property
    def digest(self) -> str | None:
        """As the server lists it; None where it does not."""
        seen = self.seen
        return seen.listed.get(self.model.key) if seen and seen.up else None

    @property
    def as_declared(self) -> bool:
        wanted = self.config.models[self.model] or self.found.store.digests.get(self.model.key, "")
        return self.digest is not None and (not wanted or self.digest == wanted)

    @property
    def ask(self) -> Ask | None:
        """What was answered with other bytes says nothing about these. Of a server that is down the last is told."""
        ask = self.found.probe.asks.get((self.server, self.model.key))
        return ask if ask and (self.digest is None or not ask.digest or ask.digest == self.digest) else None

    @property
    def available(self) -> bool:
        return self.as_declared and not (self.ask and self.ask.kind)

    def samples(self) -> Iterator[Sample]:
        labels, seen, ask = (self.server, self.model.display), self.seen, self.ask
        if seen and seen.up:
            yield "model_listed", labels, float(self.digest is not None)
            yield "model_digest_ok", labels, float(self.as_declared)
            resident = any(one.name.key == self.model.key for one in seen.residents)
            yield "model_resident", labels, float(resident)
            if self.digest is None:
                yield "model_problem", (*labels, "not_listed"), 1.0
        yield "model_resident_expected", labels, float((self.server, self.model.key) in self.config.residents)
        if ask is None:
            return
        yield "model_answered", labels, float(not ask.kind)
        yield "model_asked_timestamp_seconds", labels, number(ask.at)
        if ask.kind:
            yield "model_problem", (*labels, label(ask.kind)), 1.0
        elif ask.seconds > 0:
            yield "model_answer_seconds", labels, number(ask.seconds)


def _instances(config: Config, found: All) -> Iterator[Sample]:
    for server in config.servers:
        name, seen = server.name, found.servers.seen.get(server.name)
        container = found.engine.containers.get(name)
        if seen is not None:
            yield "up", (name,), float(seen.up)
        yield "instance_gpus_expected", (name,), float(config.gpus.get(name, 0))
        if container is None:
            continue
        version = label(seen.version) if seen else ""
        yield "instance_info", (name, version, label(container.image), label(container.image_digest)), 1.0
        yield "instance_restarts_total", (name,), float(container.restarts)
        yield "instance_oom_killed", (name,), float(container.oom_killed)
        if container.started_at > 0:
            yield "instance_start_time_seconds", (name,), number(container.started_at)


def _counts(config: Config, found: All, cells: list[_Cell]) -> Iterator[Sample]:
    """Of a server that was not looked at yet nobody knows; then nothing is counted."""
    yield "instances_expected", (), float(len(config.servers))
    for name in config.models:
        yield "model_instances_expected", (name.display,), float(len(config.servers))
    seen = found.servers.seen
    if any(server.name not in seen for server in config.servers):
        return
    good = {server.name: seen[server.name].up for server in config.servers}
    by_model: Counter[ModelName] = Counter({name: 0 for name in config.models})
    for cell in cells:
        good[cell.server] = good[cell.server] and cell.available
        by_model[cell.model] += cell.available
    yield "instances_available", (), float(sum(good.values()))
    for name, count in by_model.items():
        yield "model_instances_available", (name.display,), float(count)


def _residents(config: Config, server: str, seen: Seen | None) -> Iterator[Sample]:
    """One per name, though a model that moved may be there twice: then the larger counts."""
    largest: dict[Key, Any] = {}
    for one in (seen.residents if seen and seen.up else ())[:MAX_RESIDENTS]:
        known = largest.get(one.name.key)
        if known is None or number(known.size) < number(one.size):
            largest[one.name.key] = one
    names = config.names
    for key, one in largest.items():
        labels = (server, names.get(key, one.name).display)
        if key not in names:
            yield "model_resident", labels, 1.0
        size, vram = number(one.size), number(one.size_vram)
        yield "model_size_bytes", labels, size
        yield "model_vram_bytes", labels, vram
        if size > 0:
            yield "model_vram_ratio", labels, min(1.0, vram / size)


def _store(store: Store, now: float) -> Iterator[Sample]:
    for name, key in (("bytes", "bytes"), ("unique_bytes", "model_bytes"), ("reclaimable_bytes", "reclaimable")):
        if key in store.storage:
            yield f"store_{name}", (), number(store.storage[key])
    for name, key in (("size", "total_bytes"), ("avail", "free_bytes")):
        if key in store.space:
            yield f"store_filesystem_{name}_bytes", (), number(store.space[key])
    yield from _scrub(store.scrub)
    for name in LEASES:
        if name in store.leases:
            yield from _lease(name, store.leases[name], now)
    if store.leases:
        yield "rollout_unfinished", (), float(store.unfinished)


def _scrub(scrub: Mapping[str, Any]) -> Iterator[Sample]:
    kinds = scrub.get("findings_by_kind")
    if isinstance(kinds, Mapping):
        for kind in sorted(KINDS):
            yield "store_findings", (kind,), number(kinds.get(kind))
    for name, key in (("last_scrub", "ended_at"), ("last_full_verification", "last_full_at")):
        if number(scrub.get(key)) > 0:
            yield f"store_{name}_timestamp_seconds", (), number(scrub[key])


def _lease(name: str, lease: Lease | None, now: float) -> Iterator[Sample]:
    yield "lease_held", (name,), float(lease is not None and lease.live(now))
    if lease is not None:
        yield "lease_acquired_timestamp_seconds", (name,), number(lease.acquired_at)
        yield "lease_expires_timestamp_seconds", (name,), number(lease.expires_at)


def _drift(config: Config, found: All, cells: list[_Cell]) -> dict[str, int]:
    """What could not be seen is no drift: an engine or a server that does not answer has metrics of its own."""
    containers, declared = found.engine.containers, {server.name for server in config.servers}
    up = {name: seen for name, seen in found.servers.seen.items() if seen.up and name in declared}
    versions = Counter(seen.version for seen in up.values())
    listed = {key for seen in up.values() for key in seen.listed}
    counts = dict.fromkeys(DRIFT_KINDS, 0)
    counts["version"] = len(up) - max(versions.values(), default=0)
    counts["model_digest"] = sum(cell.digest is not None and not cell.as_declared for cell in cells)
    counts["model_extra"] = len(listed - set(config.names))
    if not containers and found.engine.problem:
        return counts
    counts["image"] = sum(
        one.image_digest != found.engine.image_id if found.engine.image_id else one.image != config.image
        for name, one in containers.items()
        if name in declared
    )
    counts["instance_missing"] = len(declared - set(containers))
    counts["instance_extra"] = len(set(containers) - declared)
    return counts
