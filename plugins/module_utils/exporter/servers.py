# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the exporter that asks the servers what they list and hold in memory. Nothing of it loads a model."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Optional

from ..core.exporter_config import Config
from ..core.exporter_samples import MAX_RESIDENTS
from ..core.exporter_seen import Seen, Servers
from ..core.probe_plan import Server
from ..core.residents import residents
from ..server.client import OllamaClient
from ..server.recheck import listed
from .part import Part, Say

#: Bytes of what a server says: ten thousand models and more.
MAX_ANSWER = 8 * 1024 * 1024
#: Of a server's budget in that of the whole part: what is left is for putting it together.
_SHARE = 0.9


class ServersReader:
    """Reads ``Servers``. Each server has its own thread and budget, so that one that trickles its answer delays nobody;
    at most ``concurrency`` of them are asked at the same time."""

    def __init__(self, config: Config, say: Say, now: Callable[[], float] = time.time) -> None:
        self._config, self._now = config, now
        self._turns = threading.BoundedSemaphore(config.concurrency)
        self._asked: set[str] = set()
        times = config.times
        self._parts = {
            server.name: Part[Optional[Seen]](
                server.name,
                partial(self._in_turn, server, OllamaClient(server.url, times.request, limit=MAX_ANSWER)),
                None,
                times.cache / 2,
                times.part * _SHARE,
                say,
            )
            for server in config.servers
        }

    def read(self) -> Servers:
        """Who was asked and has not answered in time is down. Of who had no turn yet, the last known is told."""
        for part in self._parts.values():
            part.refresh()
        for part in self._parts.values():
            part.wait()
        found = {name: self._state(name, part) for name, part in self._parts.items()}
        return Servers({name: seen for name, seen in found.items() if seen is not None})

    def _state(self, name: str, part: Part[Optional[Seen]]) -> Optional[Seen]:
        if part.late and name in self._asked:
            return Seen(problem=part.problem)
        if part.value is None and part.problem and not part.late:
            return Seen(problem=part.problem)
        return part.value

    def _in_turn(self, server: Server, client: OllamaClient) -> Seen:
        with self._turns:
            self._asked.add(server.name)
            try:
                return look(client, self._config, self._now())
            except Exception as error:
                # However it fails, garbage that only looks like JSON included: it does not serve.
                return Seen(problem=f"{type(error).__name__}: {error}")
            finally:
                self._asked.discard(server.name)


def look(client: OllamaClient, config: Config, now: float) -> Seen:
    """What one server says of itself; raises when it does not. Its list is looked at again before a model is missed."""
    version = client.version()
    entries = listed(client, config.names)
    digests = {key: str(entry.get("digest") or "") for key, entry in entries.items()}
    return Seen(version, digests, residents(client.ps()[:MAX_RESIDENTS], now))
