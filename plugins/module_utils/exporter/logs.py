# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the exporter that counts what is new in the logs of the instances, by the classes of ``log_check``."""

from __future__ import annotations

import time
from collections import Counter as Sums
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..core.errors import CorralError
from ..core.exporter_config import Config
from ..core.exporter_seen import Logs
from ..core.log_classes import SERVER_CLASSES
from ..core.log_count import Counter
from ..core.log_since import at
from ..engine.client import inspect, speaking
from ..engine.containers import SERVICE, is_instance, project_containers
from ..engine.log_stream import LogStream
from ..glue.at_once import each
from .engine import Connection

#: The engine finds the last lines of a log at once, and what is new since a moment only by reading all of it.
_LAST = 2000
#: Of one container in one reading; what is beyond is not counted, and the part says so.
_MOST = 64 * 1024 * 1024
_AT_ONCE = 4
#: Seconds that the engine may have a line before it shows it: what is younger is counted the next time.
_SETTLED = 1.0


@dataclass
class _Followed:
    """A container's log: what is before ``begin`` has been counted."""

    server: str
    container: dict[str, Any]
    counter: Counter
    begin: float
    problem: str = ""


class LogsReader:
    """Reads ``Logs``. Counts stay when a container is made anew; what was there before the exporter does not count."""

    def __init__(self, config: Config, now: Callable[[], float] = time.time) -> None:
        self._config, self._now = config, now
        self._connection = Connection(config.times.part)
        self._followed: dict[str, _Followed] = {}
        self._gone: Sums[tuple[str, str]] = Sums()
        self._start = now() - _SETTLED

    def read(self) -> Logs:
        try:
            api = self._connection.api()
            with speaking():
                self._find(api, project_containers(api, self._config.project))
        except Exception:
            self._connection.lost()
            raise
        until = self._now() - _SETTLED
        each(list(self._followed.values()), lambda one: _count(api, one, until), _AT_ONCE)
        counts = Sums(self._gone)
        for one in self._followed.values():
            counts.update({(one.server, name): tally.count for name, tally in one.counter.tallies.items()})
        for server in self._config.servers:
            for kind in SERVER_CLASSES:
                counts[server.name, kind.name] += 0
        return Logs(dict(counts), " ".join(one.problem for one in self._followed.values() if one.problem))

    def _find(self, api: Any, listed: list[dict[str, Any]]) -> None:
        present = {entry["Id"]: entry["Labels"][SERVICE] for entry in listed if is_instance(entry)}
        for gone in set(self._followed) - set(present):
            one = self._followed.pop(gone)
            self._gone.update({(one.server, name): tally.count for name, tally in one.counter.tallies.items()})
        declared = {server.name for server in self._config.servers}
        for identity in sorted(set(present) - set(self._followed)):
            container = inspect(api, identity) if present[identity] in declared else None
            if container is not None:
                counter = Counter(SERVER_CLASSES, samples=0)
                self._followed[identity] = _Followed(present[identity], container, counter, self._start)


def _count(api: Any, one: _Followed, until: float) -> None:
    """What was written from the last time on; a log that cannot be read is tried again, from where it stands."""
    try:
        if until <= one.begin:
            return
        one.problem = _take(api, one, until, _LAST) or ""
    except CorralError as error:
        one.problem = str(error)


def _take(api: Any, one: _Followed, until: float, last: int) -> str:
    end = at(until)
    stream = LogStream(api, one.container, at(one.begin), int(one.begin), last)
    counter = Counter(SERVER_CLASSES, samples=0)
    problem = ""
    for line in stream:
        if line[1] < end:
            counter.take(line)
        if stream.size > _MOST:
            problem = f"{stream.name} writes more than can be counted; a part of it is left out."
            break
    if last and stream.entries >= last:
        return _take(api, one, until, 0)
    for name, tally in counter.tallies.items():
        one.counter.tallies[name].count += tally.count
    one.begin = until
    return problem or (f"The log of {stream.name}: {stream.problem}" if stream.problem else "")
