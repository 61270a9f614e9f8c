# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy's runtime API says, read strictly: statistics, server states, workers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .errors import CorralError

PRIMARY = "instances"
"""The backend that has every instance. Those for single models only track its servers."""

SRV_ADDR, SRV_OP_STATE, SRV_ADMIN_STATE, SRV_PORT = 4, 5, 6, 18
"""Fields of a line of ``show servers state``; the next two are bits of the administrative state."""

DRAINED, MAINTENANCE = 0x08, 0x01
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_DESCRIPTION = "corral:"
_SERVER_ROW, _FRONTEND_ROW = "2", "0"
_STATE_FIELDS = 20


class Unreadable(CorralError):
    """A reply that is none of HAProxy's."""

    kind = "gateway_unreadable"


@dataclass(frozen=True)
class Workers:
    """``show proc``: the worker that serves (0 for none), and those that only finish what they have."""

    current: int
    old: tuple[int, ...] = ()


@dataclass(frozen=True)
class Held:
    """What one worker has: its rows of ``show stat``, and how many requests of it have no server yet."""

    rows: tuple[Mapping[str, str], ...]
    waiting: int = 0


@dataclass(frozen=True)
class ServerState:
    """One server, all backends and all workers taken together; the counters are those of the worker that serves.

    ``in_flight`` counts requests that it works on, ``queued`` those that may still be sent to it. Old workers cannot
    be told to drain, so each of their requests that waits for a server counts for every server. ``known`` is false for
    one that only old workers have. ``drained`` is what was ordered; ``status`` is what HAProxy calls it: ``DRAIN``, or
    ``DOWN`` for a drained one that is stopped.
    """

    name: str
    status: str = ""
    known: bool = False
    drained: bool = False
    in_flight: int = 0
    old_in_flight: int = 0
    queued: int = 0
    retries: int = 0
    redispatches: int = 0
    connection_errors: int = 0
    response_errors: int = 0
    responses_5xx: int = 0
    checks_failed: int = 0
    address: str = ""
    port: int = 0

    @property
    def idle(self) -> bool:
        """Nothing runs on it and nothing can come any more, if it is drained."""
        return self.in_flight == 0 and self.queued == 0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def server_name(text: str) -> str:
    """``text`` if it can be a server's name; anything else never gets into a command or a file."""
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise CorralError(
            f"{text!r} is no name of a server in the gateway.",
            kind="bad_server_name",
            remedy="Use the names of the instances, such as ollama-server-1.",
        )
    return text


def parse_stat(text: str) -> tuple[Mapping[str, str], ...]:
    """The rows of ``show stat`` by column name."""
    head, _found, rest = text.partition("\n")
    if not head.startswith("# pxname,svname,"):
        raise _unreadable("show stat", text)
    columns = head[2:].split(",")
    rows = [dict(zip(columns, row)) for row in csv.reader(rest.splitlines()) if row]
    if any(len(row) != len(columns) for row in rows):
        raise _unreadable("show stat", text)
    return tuple(rows)


def parse_info(text: str) -> dict[str, str]:
    """``show info`` as it is."""
    pairs = (line.partition(": ") for line in text.splitlines() if line)
    found = {key: value for key, colon, value in pairs if colon}
    if "Pid" not in found or "Version" not in found:
        raise _unreadable("show info", text)
    return found


def config_id(info: Mapping[str, str]) -> str:
    """Which of Corral's configurations a worker has; "" when it is none of Corral's."""
    described = info.get("description", "")
    return described[len(_DESCRIPTION) :] if described.startswith(_DESCRIPTION) else ""


def parse_proc(text: str) -> Workers:
    """``show proc`` of the master. A worker that a refused reload left in place is still the current one."""
    section = ""
    current: list[int] = []
    old: list[int] = []
    if not text.startswith("#<PID>"):
        raise _unreadable("show proc", text)
    for line in text.splitlines()[1:]:
        words = line.split()
        if line.startswith("# "):
            section = line[2:].strip()
        elif len(words) > 1 and words[0].isdigit() and words[1] == "worker":
            (current if section == "workers" else old).append(int(words[0]))
    return Workers(current[0] if current else 0, tuple(old))


def held(stat: str, info: str) -> Held:
    """What a worker that no longer accepts has on servers, and what it may still send to one.

    An HTTP/1 client is a session of a frontend, an HTTP/2 request only a stream; this very question is a stream too.
    """
    rows = parse_stat(stat)
    on_servers = sum(number(row, "scur") for row in rows if row["type"] == _SERVER_ROW)
    clients = sum(number(row, "scur") for row in rows if row["type"] == _FRONTEND_ROW)
    streams = int(parse_info(info).get("CurrStreams") or 0) - 1
    return Held(rows, max(0, clients - on_servers, streams - on_servers))


def server_states(
    current: Sequence[Mapping[str, str]], old: Iterable[Held], state: Mapping[tuple[str, str], Sequence[str]]
) -> dict[str, ServerState]:
    """Every server of any worker by name, in the order of the backend with all instances."""
    past = list(old)
    waiting = sum(worker.waiting for worker in past)
    old_rows = [row for worker in past for row in worker.rows if row["type"] == _SERVER_ROW]
    rows = [row for row in current if row["type"] == _SERVER_ROW]
    first = [row for row in rows if row["pxname"] == PRIMARY]
    names = dict.fromkeys(row["svname"] for row in (*first, *(row for row in old_rows if row["pxname"] == PRIMARY)))
    main = {row["svname"]: row for row in first}
    return {name: _state(name, main.get(name), rows, old_rows, waiting, state) for name in names}


def _state(
    name: str,
    main: Mapping[str, str] | None,
    rows: Iterable[Mapping[str, str]],
    old_rows: Iterable[Mapping[str, str]],
    waiting: int,
    state: Mapping[tuple[str, str], Sequence[str]],
) -> ServerState:
    mine = [row for row in rows if row["svname"] == name]
    past = [row for row in old_rows if row["svname"] == name]
    line = state.get((PRIMARY, name))
    address, port = address_of(line) if line else ("", 0)
    old_in_flight = _sum(past, "scur")
    return ServerState(
        name=name,
        status=main["status"] if main else "",
        known=main is not None,
        drained=line is not None and bool(int(line[SRV_ADMIN_STATE]) & DRAINED),
        in_flight=_sum(mine, "scur") + old_in_flight,
        old_in_flight=old_in_flight,
        queued=_sum(mine, "qcur") + _sum(past, "qcur") + waiting,
        retries=_sum(mine, "wretr"),
        redispatches=_sum(mine, "wredis"),
        connection_errors=_sum(mine, "econ"),
        response_errors=_sum(mine, "eresp"),
        responses_5xx=_sum(mine, "hrsp_5xx"),
        checks_failed=number(main or {}, "chkfail"),
        address=address,
        port=port,
    )


def backend_queue(rows: Iterable[Mapping[str, str]]) -> int:
    """How many requests wait for any server to have room."""
    return sum(number(row, "qcur") for row in rows if row["svname"] == "BACKEND")


def parse_state(text: str) -> dict[tuple[str, str], list[str]]:
    """``show servers state``: the fields by backend and server."""
    lines = text.splitlines()
    if not lines or lines[0] != "1":
        raise _unreadable("show servers state", text)
    found = [line.split(" ") for line in lines[1:] if line and not line.startswith("#")]
    whole = all(len(words) >= _STATE_FIELDS for words in found)
    if not whole or not all(words[SRV_ADMIN_STATE].isdigit() and words[SRV_PORT].isdigit() for words in found):
        raise _unreadable("show servers state", text)
    return {(words[1], words[3]): words for words in found}


def address_of(words: Sequence[str]) -> tuple[str, int]:
    """Host and port of a server, from its line of ``show servers state``."""
    return words[SRV_ADDR], int(words[SRV_PORT])


def number(row: Mapping[str, str], column: str) -> int:
    """A counter of a row of ``show stat``; HAProxy leaves out what does not apply."""
    return int(row.get(column) or 0)


def _sum(rows: Iterable[Mapping[str, str]], column: str) -> int:
    return sum(number(row, column) for row in rows)


def _unreadable(command: str, text: str) -> Unreadable:
    return Unreadable(
        f"The gateway answers {command!r} with something that is not HAProxy's: {text[:120]!r}.",
        remedy="Look at the gateway's log (docker logs), and run again.",
        command=command,
    )
