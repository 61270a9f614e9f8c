# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probe many servers at once; one server's models come one after another, as it loads one at a time anyway."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.errors import CorralError
from ..core.libraries import require
from ..core.probe_plan import ModelResult, Report, Server, ServerResult, WantedModel, proof_key
from ..core.proofs import Proof, ProofKey, Proofs, fresh
from ..server.client import OllamaClient
from ..server.errors import ServerError
from ..server.recheck import Key, listed
from .ask import Asking, ask
from .proof_file import ProofFile

_WAIT_STEP = 0.2


@dataclass(frozen=True)
class Settings:
    """How to probe. ``asks`` false (check mode): list and compare only, and say what would be asked."""

    asking: Asking = field(default_factory=Asking)
    timeout: float = 30.0
    concurrency: int = 16
    wait: float = 0.0
    rechecks: int = 3
    recheck_delay: float = 0.25
    proof_path: str = ""
    max_age: float = 0.0
    deep: bool = False
    asks: bool = True
    now: Callable[[], float] = time.time


def probe(servers: Sequence[Server], models: Sequence[WantedModel], settings: Settings) -> Report:
    """Every server with every model; nothing is raised for a server that fails."""
    require("requests")
    memory = ProofFile(settings.proof_path)
    proofs = memory.read()
    workers = max(1, min(settings.concurrency, len(servers)))
    with ThreadPoolExecutor(workers) as pool:
        pairs = list(pool.map(lambda server: _probe_server(server, models, proofs, settings), servers))
    results = tuple(result for result, _planned in pairs)
    if any(model.asked for result in results for model in result.models):
        memory.remember(*_learned(results), settings.now())
    planned = tuple((result.server.name, name) for result, names in pairs for name in names)
    return Report(results, planned, tuple(memory.warnings))


def _probe_server(
    server: Server, models: Sequence[WantedModel], proofs: Proofs, settings: Settings
) -> tuple[ServerResult, list[str]]:
    try:
        client = OllamaClient(server.url, settings.timeout)
        version = _version(client, settings)
        found = listed(
            client,
            [model.name.key for model in models],
            rechecks=settings.rechecks,
            delay=settings.recheck_delay,
        )
    except CorralError as error:
        # The client names the address only, and a person looks for the instance.
        missing = tuple(ModelResult(model.name.display, model.digest) for model in models)
        return ServerResult(server, "", f"{server.name}: {error}", error.kind, missing), []
    known = [_listing(server, model, found, settings) for model in models]
    known = [_from_proof(result, server, version, proofs, settings) for result in known]
    planned = [result.name for result in known if result.listed and not result.problem and not result.from_proof]
    if settings.asks:
        known = _ask_all(client, server, models, known, found, settings)
    return ServerResult(server, version, models=tuple(known)), planned


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


def _listing(server: Server, model: WantedModel, found: dict[Key, dict[str, Any]], settings: Settings) -> ModelResult:
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


def _from_proof(result: ModelResult, server: Server, version: str, proofs: Proofs, settings: Settings) -> ModelResult:
    key = proof_key(server, version, result.name, result.digest)
    proof = fresh(proofs, key, settings.now(), settings.max_age, settings.deep)
    if proof is None or result.problem or not result.listed:
        return result
    return replace(result, answered=True, from_proof=True, proven_at=proof.at, endpoint=proof.endpoint)


def _ask_all(
    client: OllamaClient,
    server: Server,
    models: Sequence[WantedModel],
    known: Sequence[ModelResult],
    found: dict[Key, dict[str, Any]],
    settings: Settings,
) -> list[ModelResult]:
    """Ask what is not proven. A server that let a deadline pass is asked no more: the rest would wait in its queue."""
    results: list[ModelResult] = []
    hung = ""
    for model, result in zip(models, known):
        if result.problem or result.from_proof:
            results.append(result)
            continue
        if hung:
            problem = f"{server.name} ({server.url}) was not asked for {result.name}, as it did not answer {hung}."
            results.append(replace(result, problem=problem, kind="not_asked"))
            continue
        result = ask(client, server, model.name, found[model.name.key], result, settings.asking)
        hung = result.name if result.kind in {"no_answer", "server_gone"} else ""
        results.append(replace(result, proven_at=settings.now() if result.answered else None))
    return results


def _learned(results: Sequence[ServerResult]) -> tuple[list[Proof], list[ProofKey]]:
    proven, failed = [], []
    for result in results:
        for model in (model for model in result.models if model.asked):
            key = proof_key(result.server, result.version, model.name, model.digest)
            if model.answered and model.proven_at is not None:
                proven.append(Proof(*key, at=model.proven_at, endpoint=model.endpoint))
            else:
                failed.append(key)
    return proven, failed
