# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``resident_set``: what is declared resident is in memory, on all servers at once, the largest first."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.libraries import require
from ..core.memory_room import Room
from ..core.names import parse_name
from ..core.placement import needed_on_gpu
from ..core.plans import Plan, Step
from ..core.probe_plan import Server, servers_from
from ..core.problems import Problem, raise_all
from ..core.resident_memory import Memory, of_instance
from ..core.resident_set import WAIT, Row, State, plan, said, too_much, unlisted
from ..core.residents import FOREVER, residents
from ..core.wishes import Wish, wishes, wishes_of
from ..server.client import OllamaClient
from ..server.recheck import listed
from .at_once import each
from .resident_file import ResidentFile
from .resident_load import Loading, Outcome, begun, load_all, shown, to_remember
from .run import Work
from .server_room import rooms

_MAX_SECONDS = 86400


@dataclass(frozen=True)
class Site:
    """One server, what is wanted there, how it is, and what is to be done; ``problems`` are those of before."""

    server: Server
    wanted: tuple[Wish, ...]
    state: State
    rows: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def todo(self) -> list[Row]:
        return [row for row in self.rows if row.todo]


def prepare_resident_set(params: Mapping[str, Any]) -> Work:
    require("requests")
    bad = [f"{name} is {params[name]:g}." for name in ("deadline", "timeout") if not 0 < params[name] <= _MAX_SECONDS]
    if bad:
        raise BadInput(" ".join(bad), remedy=f"Give seconds, at most {_MAX_SECONDS}.")
    servers = servers_from(params["servers"])
    wanted = wishes_of(wishes(params["residents"]), [one.name for one in servers], not params["ignore_unknown"])
    concerned = [one for one in servers if wanted[one.name]]
    file = ResidentFile(params["memory_path"] or "")
    memory = file.read()
    room, blind = rooms(params["project"], params["timeout"]) if concerned else ({}, "")
    sites = each(concerned, lambda one: _site(params, one, wanted[one.name], room, memory), params["concurrency"])
    raise_all([problem for site in sites for problem in too_much(site.state, site.wanted)])
    done = {site.name: [begun(row) for row in site.rows] for site in sites}
    waiting = [said(row, site.name) for site in sites for row in site.rows if row.action == WAIT]
    warnings = (*([blind] if blind else []), *waiting, *file.warnings)
    file.warnings.clear()
    work = Plan(_steps(sites), _memory_shown(sites, False), _memory_shown(sites, True), warnings)
    return Work(work, _result(sites, done), lambda: _apply(params, sites, memory, file))


def _site(
    params: Mapping[str, Any], server: Server, wanted: tuple[Wish, ...], room: Mapping[str, Room], memory: Memory
) -> Site:
    """Nothing is raised for a server that does not answer: the others are to have theirs."""
    client = OllamaClient(server.url, params["timeout"])
    try:
        entries = listed(client, [wish.name.key for wish in wanted])
        loaded = residents(client.ps(), time.time())
    except CorralError as error:
        problem = Problem(error.kind, f"{server.name}: {error}", facts={"instance": server.name})
        return Site(server, wanted, State(server.name), problems=(problem,))
    state = State(server.name, loaded, entries, room.get(server.name, Room()), of_instance(memory, server.name))
    rows = plan(state, [wish for wish in wanted if wish.name.key in entries], params["push_out"])
    return Site(server, wanted, state, rows, tuple(unlisted(state, wanted)))


def _apply(params: Mapping[str, Any], sites: Sequence[Site], memory: Memory, file: ResidentFile) -> dict[str, Any]:
    needed = needed_on_gpu(*(site.state.loaded for site in sites))
    needed |= frozenset(parse_name(row.model).key for row in memory.values() if row.size_vram > 0)
    how = Loading(params["deadline"], params["timeout"], needed)
    outcomes = each(sites, lambda site: load_all(site.server, site.state, site.rows, how), params["concurrency"])
    done = {site.name: found for site, found in zip(sites, outcomes)}
    rows = [row for site in sites for row in to_remember(site.name, done[site.name], how.now())]
    file.remember(rows, {site.name: [wish.name.key for wish in site.wanted] for site in sites})
    result = _result(sites, done)
    if params["on_failure"] == "fail":
        raise_all(_problems(sites, done), results=result["results"])
    notes = [note for found in outcomes for one in found for note in one.notes]
    return {**result, "warnings": [*notes, *file.warnings]}


def _problems(sites: Sequence[Site], done: Mapping[str, Sequence[Outcome]]) -> list[Problem]:
    found = [problem for site in sites for problem in site.problems]
    for site in sites:
        for one in done[site.name]:
            if one.problem:
                facts = {"instance": site.name, "model": one.row.name.display}
                found.append(Problem(one.kind, one.problem, facts=facts))
    return found


def _result(sites: Sequence[Site], done: Mapping[str, Sequence[Outcome]]) -> dict[str, Any]:
    problems = [str(problem) for problem in _problems(sites, done)]
    waiting = [said(row, site.name) for site in sites for row in site.rows if row.action == WAIT]
    return {
        "ok": not problems,
        "complete": not problems and not waiting,
        "problems": problems,
        "waiting": waiting,
        "results": [
            {
                "server": site.name,
                "url": site.server.url,
                "reachable": bool(site.state.entries) or not site.problems,
                "room": {
                    "models": site.state.room.models,
                    "memory": site.state.room.memory,
                    "gpu": site.state.room.on_gpu,
                },
                "models": [shown(one) for one in done[site.name]],
            }
            for site in sites
        ],
    }


def _steps(sites: Sequence[Site]) -> tuple[Step, ...]:
    return tuple(Step(row.action, f"{row.name.display} on {site.name}", row.why) for site in sites for row in site.todo)


def _memory_shown(sites: Sequence[Site], after: bool) -> dict[str, Any]:
    """The declared residents by server, for the diff."""
    found: dict[str, dict[str, str]] = {}
    for site in sites:
        for row in site.todo:
            was = row.why if row.now is None else f"{row.now.digest[:12]}, context {row.now.context_length}, {row.why}"
            stays = "for ever" if row.wish.keep_alive == FOREVER else f"for {row.wish.keep_alive} s"
            context = f"context {row.context}" if row.context else "the server's context"
            is_then = f"{row.digest[:12]}, {context}, stays {stays}"
            found.setdefault(site.name, {})[row.name.display] = is_then if after else was
    return found
