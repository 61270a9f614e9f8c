# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running gateway: who has how much to do, taking one out and putting it back, a new configuration, other keys."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from ..core.drain_verdict import serving
from ..core.gateway_state import alerts, configured_servers, state_text
from ..core.gateway_stats import (
    PRIMARY,
    Held,
    ServerState,
    Workers,
    address_of,
    backend_queue,
    config_id,
    held,
    parse_info,
    parse_proc,
    parse_stat,
    parse_state,
    server_name,
    server_states,
)
from .addresses import checked, elsewhere
from .cli import ADMIN, MASTER, NO_WORKER, Cli
from .errors import GONE, REFUSED, UNKNOWN, GatewayError
from .files import STATE, own_folder, read_text, replace
from .maps import Maps

__all__ = ["GatewayError", "Info", "Runtime", "ServerState"]

_POLL = 0.1
_LOOKS = 5
_SETTLED = 5.0
_RELOAD_TIMEOUT = 60.0
_REMEDY = "Look at the gateway's log (docker logs), and run again."


@dataclass(frozen=True)
class Info:
    """The worker that serves: ``config_id`` says which of Corral's configurations it has ("" for a foreign one)."""

    version: str
    pid: int
    uptime_seconds: int
    config_id: str
    old_workers: tuple[int, ...] = field(default=())


class Runtime:
    """The gateway whose sockets lie in ``run_dir``.

    Everything raises ``GatewayError``: ``gateway_gone`` when HAProxy does not answer (after ``wait`` seconds in which
    it may come back: it is being restarted), ``gateway_server_unknown``, ``gateway_refused`` with HAProxy's own words.
    Names are checked before they become part of a command (``bad_server_name``).
    """

    def __init__(
        self,
        run_dir: str,
        timeout: float = 10.0,
        wait: float = 0.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.run_dir = run_dir
        self._cli = Cli(run_dir, timeout, wait, clock, sleep)
        self._clock, self._sleep = clock, sleep
        self._config = os.path.join(os.path.dirname(os.path.abspath(run_dir)), "conf", "haproxy.cfg")
        self.maps = Maps(self._cli)

    def servers(self) -> dict[str, ServerState]:
        """Every server by name, one consistent look at all workers."""
        return self.look()[0]

    def look(self) -> tuple[dict[str, ServerState], int]:
        """The servers, and how many requests wait in the queues of the backends."""
        for _unused in range(_LOOKS):
            before = self.workers()
            current = parse_stat(self._worker(before.current, "show stat") or "")
            state = parse_state(self._worker(before.current, "show servers state") or "")
            old = [found for found in (self._held(pid) for pid in before.old) if found is not None]
            after = self.workers()
            # A reload in between would hide the new worker's requests; an old worker that ended meanwhile is well.
            if after.current == before.current and set(after.old) <= set(before.old):
                return server_states(current, old, state), backend_queue(current)
        raise GatewayError("The gateway is being reloaded again and again.", remedy=_REMEDY, run_dir=self.run_dir)

    def server(self, name: str) -> ServerState:
        """One server; raises ``gateway_server_unknown`` unless the running configuration has it."""
        found = self.servers()
        if server_name(name) not in found or not found[name].known:
            raise self._unknown(name, [one.name for one in found.values() if one.known])
        return found[name]

    def drain(self, name: str) -> ServerState:
        """No new requests for this server, nor after a reload or a restart of HAProxy. Running ones go on."""
        self._set(name, "state drain")
        self.save_state()
        found = self.server(name)
        if not found.drained or found.status.startswith("UP"):
            raise self._refused(f"set server {name} state drain", f"its status is {found.status!r} all the same")
        return found

    def ready(self, name: str, wait: float = 0.0) -> ServerState:
        """Requests for this server again. With ``wait``, until HAProxy has found it healthy: exactly ``UP``."""
        self._set(name, "state ready")
        self.save_state()
        until = self._clock() + wait
        found = self.server(name)
        while found.drained or not serving(found.status):
            if self._clock() >= until:
                if wait <= 0 and not found.drained:
                    return found
                raise GatewayError(
                    f"The gateway calls {name} {found.status!r}, not 'UP', after {wait:g} s.",
                    kind="gateway_not_up",
                    remedy=f"Look at the log of {name} (docker logs): the gateway asks it for /api/version.",
                    server=name,
                    status=found.status,
                )
            self._sleep(_POLL)
            found = self.server(name)
        self.save_state()
        return found

    def set_address(self, name: str, host: str, port: int) -> None:
        """Where the server is, in every backend that has it. The next reload takes the configuration's word again."""
        wanted = checked(name, host, port)
        self.server(name)
        for backend in elsewhere(self._admin("show servers state"), name, wanted):
            self._admin(f"set server {backend}/{name} addr {wanted[0]} port {wanted[1]}")
        # HAProxy moves a server in a task of its own, a moment after it has said yes.
        until = self._clock() + _SETTLED
        while left := elsewhere(self._admin("show servers state"), name, wanted):
            backend, (where, at) = next(iter(left.items()))
            if self._clock() >= until:
                raise self._refused(f"set server {backend}/{name} addr", f"it is {where}:{at} all the same")
            self._sleep(_POLL)

    def save_state(self, healthy: bool = False) -> None:
        """Write down who is drained or down (``healthy``: or not), for the next load of HAProxy, whatever causes it."""
        configured = configured_servers(read_text(self._config))
        # One step for all who write it: an older look must not win over a newer one.
        with own_folder(self.run_dir, self._clock, self._sleep) as folder:
            text = state_text(self._admin("show servers state"), configured, healthy)
            owner = os.fstat(folder)
            replace(folder, STATE, text, 0o600, owner.st_uid, owner.st_gid)

    def moved(self) -> list[str]:
        """The servers that the worker asks elsewhere than the configuration on disk says: it has to be loaded again."""
        configured = configured_servers(read_text(self._config))
        running = parse_state(self._admin("show servers state"))
        known = [(key, address_of(words)[1]) for key, words in running.items() if key in configured]
        return sorted({key[1] for key, port in known if port != configured[key][1]})

    def info(self) -> Info:
        """The worker that serves; raises ``gateway_gone`` when none does."""
        workers = self.workers()
        found = parse_info(self._worker(workers.current, "show info") or "")
        uptime = int(found.get("Uptime_sec") or 0)
        return Info(found["Version"], int(found["Pid"]), uptime, config_id(found), workers.old)

    def workers(self) -> Workers:
        """The worker that serves, and the old ones."""
        until = self._clock() + self._cli.wait
        while True:
            found = parse_proc(self._cli.ask(MASTER, "show proc"))
            if found.current:
                return found
            if self._clock() >= until:
                raise GatewayError(
                    "The gateway's master has no worker.", kind=GONE, remedy=_REMEDY, run_dir=self.run_dir
                )
            self._sleep(_POLL)

    def reload(self) -> Info:
        """Load the configuration anew: a new worker takes over, the old one finishes what it has.

        When it is refused, the old one goes on as if nothing had been asked, and the error has the master's words.
        """
        before = self.workers()
        self.save_state(healthy=True)
        reply = self._cli.ask(MASTER, "reload", timeout=_RELOAD_TIMEOUT, again=False)
        verdict, _found, log = reply.partition("\n--\n")
        if verdict != "Success=1":
            raise self._refused("reload", alerts(log or reply), log=log.strip())
        until = self._clock() + _RELOAD_TIMEOUT
        while self._clock() < until:
            with suppress(GatewayError):
                found = self.info()
                if found.pid != before.current:
                    self.save_state()
                    return found
            self._sleep(_POLL)
        raise self._refused("reload", "no new worker has come")

    def _held(self, pid: int) -> Held | None:
        """What an old worker has; None when it is not there any more."""
        stat, info = self._worker(pid, "show stat", old=True), self._worker(pid, "show info", old=True)
        return held(stat, info) if stat and info else None

    def _worker(self, pid: int, command: str, old: bool = False) -> str | None:
        """What a worker answers to a question. An old one may end at any moment."""
        try:
            reply = self._cli.ask(MASTER, f"@!{pid} {command}")
        except GatewayError as error:
            if old and error.kind == GONE and pid not in self.workers().old:
                return None
            raise
        if not reply.startswith(NO_WORKER):
            return reply
        if old:
            return None
        raise GatewayError(f"The gateway's worker {pid} is gone.", kind=GONE, remedy=_REMEDY, run_dir=self.run_dir)

    def _set(self, name: str, what: str) -> None:
        self._admin(f"set server {PRIMARY}/{server_name(name)} {what}", name)

    def _admin(self, command: str, name: str = "") -> str:
        reply = self._cli.ask(ADMIN, command)
        if name and reply.startswith(("No such server", "No such backend")):
            raise self._unknown(name, [one.name for one in self.servers().values() if one.known])
        if name and reply.strip():
            raise self._refused(command, reply.strip())
        return reply

    def _unknown(self, name: str, known: list[str]) -> GatewayError:
        message = f"The gateway has no server {name!r}; it has {', '.join(known) or 'none'}."
        remedy = "Bring the gateway's configuration up to date (corral.ollama.deploy)."
        return GatewayError(message, kind=UNKNOWN, remedy=remedy, server=name, known=known)

    def _refused(self, command: str, words: str, **facts: str) -> GatewayError:
        message = f"The gateway refuses {command!r}: {words}."
        return GatewayError(message, kind=REFUSED, remedy=_REMEDY, run_dir=self.run_dir, command=command, **facts)
