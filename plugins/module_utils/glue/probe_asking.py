# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask one server for its models, one after another, and leave in its memory what was there."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.asking_order import Ask, kept_as, to_restore
from ..core.errors import CorralError
from ..core.names import Key
from ..core.probe_plan import ModelResult, Server
from ..core.progress import Progress
from ..core.residents import Resident, residents
from ..core.verify_finding import WARNING, VerifyFinding
from ..server.client import OllamaClient
from .ask import Asking, ask
from .progress_file import ProgressFile

_WHAT = "models"
_HANGS = {"no_answer", "server_gone"}


@dataclass
class Tally:
    """How many of all servers' answers are in, for people who wait."""

    file: ProgressFile
    total: int
    done: int = 0
    failed: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, result: ModelResult) -> None:
        with self._lock:
            self.done += 1
            self.failed += bool(result.problem)
            self.show()

    def show(self, *, end: bool = False) -> None:
        note = f"{self.failed} failed" if self.failed else ""
        progress = Progress(_WHAT, self.done, self.total, phase="being asked", note=note, unit="answers")
        self.file.write(progress, done=end)


@dataclass
class Bench:
    """One server while it is asked. ``before`` is what it had in memory; ``now`` gives seconds since 1970."""

    server: Server
    client: OllamaClient
    entries: Mapping[Key, Mapping[str, Any]]
    before: Sequence[Resident]
    asking: Asking
    now: Any
    tally: Tally

    def ask(self, one: Ask, base: ModelResult) -> ModelResult:
        """A model that is loaded with another context is loaded anew, so it is asked for with the one that it has."""
        how = self.asking
        if one.there is not None:
            how = replace(how, **kept_as(one.there))
            if self._has(one.there):
                # while it is there, it keeps its own time
                how = replace(how, keep_alive=self.asking.keep_alive)
        result = ask(self.client, self.server, one.name, self.entries[one.name.key], base, how)
        self.tally.add(result)
        return result

    def restore(self, passed: float) -> list[VerifyFinding]:
        """Load again what was pushed out. What cannot be is said."""
        found = []
        for one in to_restore(self.before, self._loaded(), passed):
            name = one.name.display
            entry = self.entries.get(one.name.key, {})
            how = replace(self.asking, **kept_as(one))
            base = ModelResult(name, one.digest, one.digest, listed=True)
            result = ask(self.client, self.server, one.name, entry, base, how)
            if result.problem:
                text = f"{self.server.name}: {name} was pushed out by asking for others, and could not be loaded again:"
                text = f"{text} {result.problem} Run the playbook prewarm."
                found.append(VerifyFinding("evicted", WARNING, text, self.server.name, name))
        return found

    def _has(self, one: Resident) -> bool:
        return any((one.name.key, one.digest) == (other.name.key, other.digest) for other in self._loaded())

    def _loaded(self) -> tuple[Resident, ...]:
        return in_memory(self.client, self.now())


def in_memory(client: OllamaClient, now: float) -> tuple[Resident, ...]:
    """Nothing where the server does not tell: what is wrong with it comes out when it is asked."""
    try:
        return residents(client.ps(), now)
    except CorralError:
        return ()


def ask_server(
    bench: Bench, asks: Sequence[Ask], results: Sequence[ModelResult]
) -> tuple[list[ModelResult], list[VerifyFinding]]:
    """The results in their order, and what could not be loaded again. A server that let a deadline pass is asked no
    more: the rest would wait in its queue."""
    known = {result.name: result for result in results}
    clock = bench.asking.clock
    began, hung = clock(), ""
    for one in asks:
        base = known[one.name.display]
        if one.skip:
            known[base.name] = replace(base, kind="would_evict")
        elif hung:
            where = f"{bench.server.name} ({bench.server.url})"
            text = f"{where} was not asked for {base.name}, as it did not answer {hung}."
            known[base.name] = replace(base, problem=text, kind="not_asked")
        else:
            result = bench.ask(one, base)
            hung = result.name if result.kind in _HANGS else ""
            now = bench.now()
            proven, failed = (now, None) if result.answered else (None, now)
            known[base.name] = replace(result, proven_at=proven, failed_at=failed)
    found = bench.restore(clock() - began) if bench.before and not hung else []
    return [known[result.name] for result in results], found
