# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the exporter that knows who answered: from the memory of the host, and from asking by itself.

It asks in the background, at most once per interval, and only while somebody scrapes. Unless it is told to, it asks
only for what /api/ps shows at that moment, with the context that it has there: another one would load it anew. As a
question makes a model stay like any request, what nobody else has used since the last one is not asked again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core.errors import CorralError
from ..core.exporter_config import Config
from ..core.exporter_seen import Ask, Probe, newest, remembered
from ..core.names import Key, ModelName
from ..core.probe_plan import ModelResult, Server
from ..core.residents import Resident, residents
from ..glue.ask import Asking, ask
from ..glue.at_once import each
from ..glue.proof_file import ProofFile
from ..glue.rollout_file import RolloutFile
from ..server.client import OllamaClient
from ..server.recheck import listed
from .part import Say
from .servers import MAX_ANSWER

_HUNG = ("no_answer", "server_gone")
#: Seconds by which the end of a stay may differ and be the same: it is told in whole ones.
_SAME_END = 2.0


class Prober:
    """Reads a ``Probe``, and begins a round of asking when one is due."""

    def __init__(self, config: Config, say: Say, now: Callable[[], float] = time.time) -> None:
        self._config, self._say, self._now = config, say, now
        self._asks: dict[tuple[str, Key], Ask] = {}
        self._until: dict[tuple[str, Key], float] = {}
        self._lock = threading.Lock()
        self._last = float("-inf")
        self._round: threading.Thread | None = None
        self._names = {name.display: name.key for name in config.models}
        self._proofs = os.path.join(config.state_dir, "proofs.json")

    def read(self) -> Probe:
        file = ProofFile(self._proofs)
        proofs, failures = file.read_all()
        known = remembered(self._names, proofs.values(), failures.values())
        self._begin_if_due()
        with self._lock:
            asks = newest([*known.items(), *self._asks.items()])
        return Probe(asks, " ".join(file.warnings))

    def _begin_if_due(self) -> None:
        interval = self._config.times.probe
        running = self._round is not None and self._round.is_alive()
        if not interval or running or time.monotonic() - self._last < interval:
            return
        self._last = time.monotonic()
        self._round = threading.Thread(target=self._ask_all, name="round of asking", daemon=True)
        self._round.start()

    def _ask_all(self) -> None:
        with self._telling():
            each(self._config.servers, self._ask_server, self._config.concurrency)

    def _ask_server(self, server: Server) -> None:
        """One model after the other, as the server does it; one that let a deadline pass is asked no more."""
        with self._telling():
            client = OllamaClient(server.url, self._config.times.request, limit=MAX_ANSWER)
            there = self._there(client)
            wanted = [name for name in self._config.models if self._config.load or name.key in there]
            entries = listed(client, [name.key for name in wanted]) if wanted else {}
            for name in wanted:
                # Looked at again for each: what went out of memory meanwhile would be loaded by the question.
                found = self._there(client).get(name.key)
                if name.key not in entries or not self._may_ask(server, name, found):
                    continue
                if self._ask(client, server, name, entries[name.key], found) in _HUNG:
                    return
                self._keep_end(server, name, self._there(client).get(name.key))

    def _there(self, client: OllamaClient) -> dict[Key, Resident]:
        return {one.name.key: one for one in residents(client.ps(), self._now())}

    def _may_ask(self, server: Server, name: ModelName, found: Resident | None) -> bool:
        """A rollout is not disturbed: it asks by itself."""
        if self._rolling():
            return False
        if found is None:
            return self._config.load
        until = self._until.get((server.name, name.key), -1.0)
        return found.keep_alive is None or found.forever or abs(self._now() + found.keep_alive - until) > _SAME_END

    def _ask(
        self, client: OllamaClient, server: Server, name: ModelName, entry: Mapping[str, Any], found: Resident | None
    ) -> str:
        digest = str(entry.get("digest") or "")
        base = ModelResult(name.display, digest=digest, listed=True)
        how = Asking(self._config.times.answer, num_ctx=found.context_length if found else 0)
        answer = ask(client, server, name, entry, base, how)
        with self._lock:
            self._asks[server.name, name.key] = Ask(digest, self._now(), answer.kind, round(answer.seconds, 3))
        return answer.kind

    def _keep_end(self, server: Server, name: ModelName, found: Resident | None) -> None:
        if found is not None and found.keep_alive is not None:
            self._until[server.name, name.key] = self._now() + found.keep_alive

    def _rolling(self) -> bool:
        try:
            lease = RolloutFile(os.path.join(self._config.state_dir, "rollout")).lease.read()
        except CorralError:
            return True
        return lease is not None and lease.live(self._now())

    @contextmanager
    def _telling(self) -> Iterator[Any]:
        """Nobody waits for a round, so what goes wrong in it is only told; the other parts see who does not answer."""
        try:
            yield
        except Exception as error:
            self._say(f"asking: {type(error).__name__}: {str(error)[:500]}")
