# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``resident``: a model that has moved is loaded where its old version is, instance by instance."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import CorralError
from ..core.libraries import require
from ..core.names import Key
from ..core.plans import Plan, Step
from ..core.probe_plan import ModelResult, Server, WantedModel, models_from, servers_from
from ..core.problems import Problem, raise_all
from ..core.resident_plan import RELOAD, Stale, after, stale_models, to_restart
from ..core.residents import Resident, residents
from ..server.client import OllamaClient
from ..server.recheck import listed
from .ask import Asking, ask
from .at_once import each
from .run import Work

_SETTLE, _PAUSE = 30.0, 0.2
"""Seconds for which a runner that is to go may still be busy."""


@dataclass(frozen=True)
class Seen:
    """What a server has in memory; ``problem`` when it does not tell, and then it has nothing."""

    server: Server
    loaded: tuple[Resident, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Reloading:
    """What the module works with; ``clock`` and ``sleep`` for tests."""

    params: Mapping[str, Any]
    models: tuple[WantedModel, ...]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def client(self, server: Server) -> OllamaClient:
        return OllamaClient(server.url, self.params["timeout"])

    def loaded(self, server: Server) -> tuple[Resident, ...]:
        return residents(self.client(server).ps(), time.time())


def prepare_resident(params: Mapping[str, Any]) -> Work:
    require("requests")
    servers = servers_from(params["servers"])
    work = Reloading(params, models_from(params["models"]))
    seen = each(servers, lambda server: _see(work, server))
    rows = [row for one in seen for row in stale_models(one.server, work.models, one.loaded, params["same_weights"])]
    todo = [row for row in rows if row.action == RELOAD]
    steps = tuple(Step("reload", f"{row.model.name.display} on {row.server.name}", _moved(row)) for row in todo)
    plan = Plan(steps, _shown(todo, old=True), _shown(todo, old=False))
    return Work(plan, _result(seen, rows), lambda: _apply(work, seen, rows))


def _see(work: Reloading, server: Server) -> Seen:
    try:
        return Seen(server, work.loaded(server))
    except CorralError as error:
        return Seen(server, problem=f"{server.name}: {error}")


def _apply(work: Reloading, seen: Sequence[Seen], rows: Sequence[Stale]) -> dict[str, Any]:
    """One instance after another, and no further one after a failure: the others go on with what they have."""
    done: list[Stale] = []
    failed = ""
    for row in rows:
        if row.action != RELOAD or failed:
            done.append(row)
            continue
        new = reload_stale(work, row)
        failed = new.asked.problem if new.asked else ""
        done.append(new)
    result = _result(seen, done)
    result["reloaded"] = sorted({row.server.name for row in done if row.asked and row.asked.answered})
    if failed and work.params["on_failure"] == "fail":
        problems = [Problem(row.asked.kind, row.asked.problem) for row in done if row.asked and row.asked.problem]
        raise_all(problems, results=result["results"], to_restart=result["to_restart"])
    return result


def reload_stale(work: Reloading, row: Stale) -> Stale:
    """Ask for an answer; where the runner is shared with the old one, it has to end first."""
    try:
        return _reloaded(work, row)
    except CorralError as error:
        return replace(row, asked=_not_asked(row, f"{row.server.name}: {error}", error.kind))


def _reloaded(work: Reloading, row: Stale) -> Stale:
    entries = listed(work.client(row.server), [row.model.name.key])
    problem = _listing_problem(row, entries)
    if problem:
        return replace(row, asked=_not_asked(row, problem, "wrong_digest"))
    asked = _answer(work, row, entries)
    if asked.problem:
        return replace(row, asked=asked)
    loaded = work.loaded(row.server)
    if not _there(row, loaded) and _is_shared(row, loaded):
        asked, loaded = _replace(work, row, entries, asked)
    return replace(after(row, loaded), asked=asked)


def _replace(
    work: Reloading, row: Stale, entries: Mapping[Key, dict[str, Any]], asked: ModelResult
) -> tuple[ModelResult, tuple[Resident, ...]]:
    """Only a template or parameters moved: the server goes on with the runner of the weights, under the old digest."""
    _answer(work, row, entries, keep_alive="0s")
    until = work.clock() + _SETTLE
    while _is_shared(row, work.loaded(row.server)) and work.clock() < until:
        work.sleep(_PAUSE)
    again = _answer(work, row, entries)
    return replace(again, seconds=asked.seconds + again.seconds), work.loaded(row.server)


def _answer(
    work: Reloading, row: Stale, entries: Mapping[Key, dict[str, Any]], keep_alive: str | None = None
) -> ModelResult:
    """At the server's own context first: only where that is another one, the old one had been asked for."""
    name, kept = row.model.name, row.kept
    stay = keep_alive or (None if kept.keep_alive is None else f"{kept.keep_alive}s")
    how = Asking(work.params["deadline"], stay, clock=work.clock, sleep=work.sleep)
    base = ModelResult(name.display, row.model.digest, row.model.digest, listed=True)
    client, entry = work.client(row.server), entries[name.key]
    asked = ask(client, row.server, name, entry, base, how)
    if asked.problem or keep_alive or not kept.context_length:
        return asked
    found = [one for one in work.loaded(row.server) if one.name.key == name.key and one.digest == row.model.digest]
    if not found or kept.context_length in [one.context_length for one in found]:
        return asked
    return ask(client, row.server, name, entry, base, replace(how, num_ctx=kept.context_length))


def _there(row: Stale, loaded: Sequence[Resident]) -> bool:
    return any(one.name.key == row.model.name.key and one.digest == row.model.digest for one in loaded)


def _is_shared(row: Stale, loaded: Sequence[Resident]) -> bool:
    old = {one.digest for one in row.old}
    return any(one.name.key == row.model.name.key and one.digest in old for one in loaded)


def _listing_problem(row: Stale, entries: Mapping[Key, dict[str, Any]]) -> str:
    digest = str((entries.get(row.model.name.key) or {}).get("digest") or "")
    if digest == row.model.digest:
        return ""
    return (
        f"{row.server.name} ({row.server.url}) lists {row.model.name.display} with the digest {digest[:12] or 'none'},"
        f" and {row.model.digest[:12]} was expected. Is its store the one that was updated?"
    )


def _not_asked(row: Stale, problem: str, kind: str) -> ModelResult:
    return ModelResult(row.model.name.display, row.model.digest, problem=problem, kind=kind)


def _result(seen: Sequence[Seen], rows: Sequence[Stale]) -> dict[str, Any]:
    problems = [row.asked.problem for row in rows if row.asked and row.asked.problem]
    return {
        "ok": not problems,
        "reloaded": sorted({row.server.name for row in rows if row.action == RELOAD}),
        "problems": problems,
        "results": [
            {
                "server": one.server.name,
                "url": one.server.url,
                "reachable": not one.problem,
                "problem": one.problem,
                "models": [row.as_dict() for row in rows if row.server == one.server],
            }
            for one in seen
        ],
        "to_restart": to_restart(rows),
    }


def _moved(row: Stale) -> str:
    return f"{', '.join(sorted({one.digest[:12] for one in row.old}))} → {row.model.digest[:12]}"


def _shown(rows: Sequence[Stale], old: bool) -> dict[str, Any]:
    """The models in memory by server, for the diff."""
    shown: dict[str, dict[str, str]] = {}
    for row in rows:
        digests = sorted({one.digest for one in row.old}) if old else [row.model.digest]
        shown.setdefault(row.server.name, {})[row.model.name.display] = ", ".join(digests)
    return shown
