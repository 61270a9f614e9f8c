# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one model of one server for real, and turn whatever comes back into a result that names what is wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.answers import EMBED, GENERATE, endpoint_of, judge, question
from ..core.names import ModelName
from ..core.probe_plan import ModelResult, Server
from ..server.client import OllamaClient
from ..server.errors import ServerError
from ..server.recheck import by_key

_BUSY = 503
_BUSY_DELAY = 1.0


@dataclass(frozen=True)
class Asking:
    """How to ask: ``deadline`` in seconds for each request, waiting for a busy server included. A model that is loaded
    with another ``num_ctx`` is loaded anew; 0 leaves it to the server."""

    deadline: float = 300.0
    keep_alive: str | None = None
    num_ctx: int = 0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def ask(
    client: OllamaClient, server: Server, name: ModelName, entry: Mapping[str, Any], base: ModelResult, how: Asking
) -> ModelResult:
    """Generate or embed with a listed model; ``entry`` is its line of /api/tags, ``base`` what is known already."""
    endpoint, certain = endpoint_of(entry)
    if not certain:
        endpoint, certain = endpoint_of(entry, _shown(client, name))
    result = _attempt(client, server, replace(base, endpoint=endpoint), how)
    if result.kind == "refuses_generate" and not certain:
        embedded = _attempt(client, server, replace(base, endpoint=EMBED), how)
        result = embedded if embedded.answered else result
    return _with_memory(client, name, result)


def _attempt(client: OllamaClient, server: Server, base: ModelResult, how: Asking) -> ModelResult:
    request = client.embed if base.endpoint == EMBED else client.generate
    body = question(base.name, base.endpoint, how.keep_alive, how.num_ctx)
    started, retries = how.clock(), 0
    while True:
        left = how.deadline - (how.clock() - started)
        try:
            answer = request(body, timeout=max(left, 0.001))
            break
        except ServerError as error:
            if error.status == _BUSY and left > _BUSY_DELAY:
                retries += 1
                how.sleep(_BUSY_DELAY)
                continue
            seconds = how.clock() - started
            kind, text = _failure(error, base.endpoint, how.deadline, retries)
            problem = f"{server.name} ({server.url}) lists {base.name} but {text}"
            return replace(base, asked=True, seconds=seconds, retries=retries, kind=kind, problem=problem)
    verdict = judge(base.endpoint, answer)
    problem = f"{server.name} ({server.url}) lists {base.name} but {verdict.problem}." if verdict.problem else ""
    return replace(
        base,
        asked=True,
        answered=not problem,
        seconds=how.clock() - started,
        retries=retries,
        load_seconds=verdict.load_seconds,
        tokens=verdict.tokens,
        tokens_per_second=verdict.tokens_per_second,
        dimensions=verdict.dimensions,
        problem=problem,
        kind=verdict.kind,
    )


def _failure(error: ServerError, endpoint: str, deadline: float, retries: int) -> tuple[str, str]:
    """(kind, the rest of "X lists M but …")."""
    if error.kind == "server_timeout":
        return (
            "no_answer",
            f"did not answer /api/{endpoint} within {deadline:g} s. Look at its log; restart this instance.",
        )
    if error.kind == "server_gone":
        return "server_gone", f"went away while it was asked: {error.message}"
    text = str(error.facts.get("text") or "")
    if endpoint == GENERATE and error.status == 400 and "does not support generate" in text:
        return "refuses_generate", (
            f"refuses to generate with it ({text}). A server that once saw the weights missing goes on like that after"
            " they are back: check the store (corral.ollama.digest_check), then restart this instance."
        )
    if error.status == _BUSY:
        return "busy", f"was too busy to answer within {deadline:g} s ({retries + 1} attempts: {text})."
    if error.status < 400:
        return "server_error", f"answers /api/{endpoint} with something that is not Ollama's JSON: {text!r}."
    return "server_error", f"answers /api/{endpoint} with {error.status}: {text or error.message}."


def _shown(client: OllamaClient, name: ModelName) -> Mapping[str, Any] | None:
    try:
        return client.show(name.display)
    except ServerError:
        # Only a hint about how to ask was wanted; what is wrong comes out when the model is asked.
        return None


def _with_memory(client: OllamaClient, name: ModelName, result: ModelResult) -> ModelResult:
    """Where the model lies, right after it answered: the next model may push it out."""
    if not result.answered:
        return result
    try:
        entry = by_key(client.ps()).get(name.key, {})
    except ServerError:
        entry = {}
    return replace(result, size=int(entry.get("size") or 0), size_vram=int(entry.get("size_vram") or 0))
