# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probe many servers at once: look at all, then ask for what is not proven. One server's models come one after another,
as it loads one at a time anyway."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.asking_order import Ask, asking_findings, asking_order
from ..core.errors import CorralError
from ..core.libraries import require
from ..core.memory_room import Room
from ..core.names import Key
from ..core.probe_plan import ModelResult, Report, Server, ServerResult, WantedModel, proof_key
from ..core.proofs import Failure, Failures, Proof, ProofKey, Proofs, fresh
from ..core.residents import Resident
from ..core.verify_finding import VerifyFinding
from ..server.client import OllamaClient
from ..server.errors import ServerError
from ..server.recheck import listed
from .ask import Asking
from .at_once import each
from .probe_asking import Bench, Tally, ask_server, in_memory
from .progress_file import ProgressFile
from .proof_file import ProofFile
from .server_room import rooms

_WAIT_STEP = 0.2


@dataclass(frozen=True)
class Settings:
    """How to probe; seconds, and a proof older than ``max_age`` (or any, when ``deep``) does not count."""

    asking: Asking = field(default_factory=Asking)
    timeout: float = 30.0
    concurrency: int = 16
    wait: float = 0.0
    rechecks: int = 3
    recheck_delay: float = 0.25
    proof_path: str = ""
    max_age: float = 0.0
    deep: bool = False
    evict: bool = True
    project: str = ""
    progress_path: str = ""
    now: Callable[[], float] = time.time


@dataclass(frozen=True)
class Look:
    """What one server lists; ``entries`` are its lines of /api/tags, ``loaded`` is what it has in memory before it is
    asked for anything, ``asks`` what for, and ``lost`` says what of ``loaded`` is not there any more afterwards."""

    result: ServerResult
    wanted: tuple[WantedModel, ...] = ()
    entries: Mapping[Key, dict[str, Any]] = field(default_factory=dict)
    loaded: tuple[Resident, ...] = ()
    asks: tuple[Ask, ...] = ()
    lost: tuple[VerifyFinding, ...] = ()

    @property
    def to_ask(self) -> list[tuple[str, str]]:
        """The pairs (server, model) that nothing is wrong with so far, and that no proof speaks for."""
        unproven = (one for one in self.result.models if one.listed and not one.problem and not one.from_proof)
        skipped = {one.name.display for one in self.asks if one.skip}
        return [(self.result.server.name, one.name) for one in unproven if one.name not in skipped]

    @property
    def findings(self) -> list[VerifyFinding]:
        """What asking does to what is in memory."""
        return [*asking_findings(self.result.server.name, self.asks), *self.lost]


def look(servers: Sequence[Server], models: Sequence[WantedModel], settings: Settings, memory: ProofFile) -> list[Look]:
    """List and compare; loads nothing. Nothing is raised for a server that fails: its result says so."""
    require("requests")
    past = memory.read_all()
    looks = each(servers, lambda server: _look_at(server, models, past, settings), settings.concurrency)
    if not any(one.to_ask for one in looks):
        return looks
    looks = each(looks, lambda one: _in_memory(one, settings), settings.concurrency)
    # where nothing is in memory, nothing is pushed out
    known, why = rooms(settings.project) if any(one.loaded for one in looks) else ({}, "")
    memory.warnings += [why] if why else []
    return [_in_order(one, known.get(one.result.server.name, Room()), settings.evict) for one in looks]


def ask_all(looks: Sequence[Look], settings: Settings, memory: ProofFile) -> list[Look]:
    """Really ask for what is not proven, and remember what came of it."""
    tally = Tally(ProgressFile(settings.progress_path or None), sum(len(one.to_ask) for one in looks))
    tally.show()
    asked = each(looks, lambda one: _ask(one, settings, tally) if one.asks else one, settings.concurrency)
    tally.show(end=True)
    now = settings.now()
    memory.remember(*_learned([one.result for one in asked], now), now)
    return asked


def report(looks: Sequence[Look], to_ask: Sequence[tuple[str, str]]) -> Report:
    return Report(tuple(one.result for one in looks), tuple(to_ask))


def _look_at(
    server: Server, models: Sequence[WantedModel], memory: tuple[Proofs, Failures], settings: Settings
) -> Look:
    client = OllamaClient(server.url, settings.timeout)
    keys = [model.name.key for model in models]
    try:
        version = _version(client, settings)
        entries = listed(client, keys, rechecks=settings.rechecks, delay=settings.recheck_delay)
    except CorralError as error:
        # The client names the address only, and a person looks for the instance.
        unknown = tuple(ModelResult(model.name.display, model.digest) for model in models)
        return Look(ServerResult(server, "", f"{server.name}: {error}", error.kind, unknown))
    known = [_listing(server, model, entries, settings) for model in models]
    known = [
        _remembered(result, proof_key(server, version, result.name, result.digest), memory, settings)
        for result in known
    ]
    return Look(ServerResult(server, version, models=tuple(known)), tuple(models), entries)


def _in_memory(one: Look, settings: Settings) -> Look:
    if not one.to_ask:
        return one
    client = OllamaClient(one.result.server.url, settings.timeout)
    return replace(one, loaded=in_memory(client, settings.now()))


def _in_order(one: Look, room: Room, evict: bool) -> Look:
    unproven = {name for _server, name in one.to_ask}
    results = {result.name: result for result in one.result.models}
    wanted = [model.name for model in one.wanted if model.name.display in unproven]
    sizes = {name.key: int(one.entries[name.key].get("size") or 0) for name in wanted}
    rows = [(name, results[name.display].digest, sizes[name.key]) for name in wanted]
    return replace(one, asks=asking_order(rows, one.loaded, room, evict))


def _version(client: OllamaClient, settings: Settings) -> str:
    """The server's version, once it serves: its port is open before it does."""
    clock, sleep = settings.asking.clock, settings.asking.sleep
    end = clock() + settings.wait
    while True:
        try:
            return client.version()
        except ServerError:
            if clock() >= end:
                raise
            sleep(_WAIT_STEP)


def _listing(
    server: Server, model: WantedModel, found: Mapping[Key, dict[str, Any]], settings: Settings
) -> ModelResult:
    """What /api/tags says about a model, held against what was declared."""
    name, expected = model.name.display, model.digest
    entry = found.get(model.name.key)
    where = f"{server.name} ({server.url})"
    if entry is None:
        problem = f"{where} does not list {name} (looked {settings.rechecks + 1} times)."
        return ModelResult(name, expected, problem=problem, kind="not_listed")
    digest = str(entry.get("digest") or "")
    if expected and digest != expected:
        problem = f"{where} lists {name} with the digest {digest[:12] or 'none'}, and {expected[:12]} was expected."
        return ModelResult(name, expected, digest, listed=True, problem=problem, kind="wrong_digest")
    return ModelResult(name, expected, digest, listed=True)


def _remembered(result: ModelResult, key: ProofKey, memory: tuple[Proofs, Failures], settings: Settings) -> ModelResult:
    """With the proof that counts; else with what came of asking last, for whoever only looks."""
    if result.problem or not result.listed or not all(key):
        return result
    proofs, failures = memory
    proof = fresh(proofs, key, settings.now(), settings.max_age, settings.deep)
    if proof is not None:
        return replace(result, answered=True, from_proof=True, proven_at=proof.at, endpoint=proof.endpoint)
    old, failure = proofs.get(key), failures.get(key)
    return replace(result, proven_at=old.at if old else None, failed_at=failure.at if failure else None)


def _ask(one: Look, settings: Settings, tally: Tally) -> Look:
    server = one.result.server
    client = OllamaClient(server.url, settings.timeout)
    bench = Bench(server, client, one.entries, one.loaded, settings.asking, settings.now, tally)
    results, lost = ask_server(bench, one.asks, one.result.models)
    return replace(one, result=replace(one.result, models=tuple(results)), lost=tuple(lost))


def _learned(results: Sequence[ServerResult], now: float) -> tuple[list[Proof], list[Failure]]:
    proven, failed = [], []
    for result in results:
        for model in (model for model in result.models if model.asked):
            key = proof_key(result.server, result.version, model.name, model.digest)
            if model.answered and model.proven_at is not None:
                proven.append(Proof(*key, at=model.proven_at, endpoint=model.endpoint, seconds=round(model.seconds, 3)))
            else:
                failed.append(Failure(*key, at=now, kind=model.kind))
    return proven, failed
