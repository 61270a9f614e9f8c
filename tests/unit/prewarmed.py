# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that keep models in memory as the real one does: one runner for each weights file, as many as it may, and the
one that stays shortest leaves first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from typing import Any

from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, Call, ScriptedServer, error, ok

A, B, C = "a" * 64, "b" * 64, "c" * 64
MISTRAL, CODE, NOMIC = "mistral:7b", "codellama:7b", "nomic-embed-text:v1.5"
SIZES = {MISTRAL: 400, CODE: 300, NOMIC: 20}
FOREVER = "2319-01-01T00:00:00Z"
ONE, TWO = "ollama-server-1", "ollama-server-2"


class Server(ScriptedServer):
    """``slots`` and ``memory``: how many models it keeps, in how many bytes; ``vram``: the share on a GPU."""

    def __init__(self, slots: int = 3, memory: int = 10_000, vram: float = 0.0, context: int = 4096) -> None:
        super().__init__()
        self.slots, self.memory, self.vram, self.context = slots, memory, vram, context
        self.most_context = 1_000_000
        self.overhead = 0
        self.listed = {MISTRAL: A, CODE: B, NOMIC: C}
        self.sizes = dict(SIZES)
        self.weights = {A: "w1", B: "w2", C: "w3"}
        self.runners: dict[str, dict[str, Any]] = {}
        self.loads: list[str] = []
        self.changing = threading.Lock()
        self.on("GET", "/api/ps", self.runs())
        self.on("GET", "/api/tags", lambda call: ok({"models": [self._tag(*pair) for pair in self.listed.items()]}))
        self.on("POST", "/api/generate", self.generates)
        self.on("POST", "/api/embed", self.embeds)

    def has(self, name: str, digest: str = "", keep: float | None = 300.0, context: int = 0, size: int = 0) -> Server:
        """As if somebody had loaded it."""
        digest = digest or self.listed.get(name, "e" * 64)
        size = size or self.sizes.get(name, 50) + self.overhead
        key = self.weights.get(digest, digest + name)
        self.runners[key] = {
            "name": name,
            "digest": digest,
            "keep": keep,
            "context_length": context or self.context,
            "size": size,
            "size_vram": int(size * self.vram),
        }
        return self

    def runs(self, times: dict[str, float] | None = None) -> Callable[[Call], Answer]:
        """What /api/ps says; ``times``: of these models something else than is true."""

        def tell(_call: Call) -> Answer:
            told = [{**one, "keep": (times or {}).get(one["name"], one["keep"])} for one in self.runners.values()]
            return ok({"models": [self._shown(one) for one in told]})

        return tell

    def names(self) -> list[str]:
        return sorted(one["name"] for one in self.runners.values())

    def asked(self) -> list[tuple[str, Any, Any]]:
        """(model, keep_alive, num_ctx) of every question, in order."""
        paths = ("/api/generate", "/api/embed")
        bodies = [call.body for call in self.calls if call.path in paths]
        return [(body["model"], body.get("keep_alive"), (body.get("options") or {}).get("num_ctx")) for body in bodies]

    def generates(self, call: Call) -> Answer:
        if call.body["model"] == NOMIC:
            return error(400, f'"{NOMIC}" does not support generate')
        self._use(call)
        return ok({"done": True, "response": "yes", "eval_count": 2, "load_duration": 5})

    def embeds(self, call: Call) -> Answer:
        self._use(call)
        return ok({"embeddings": [[0.5, 1.0]]})

    def _use(self, call: Call) -> None:
        with self.changing:
            name, wanted = call.body["model"], (call.body.get("options") or {}).get("num_ctx") or self.context
            wanted = min(wanted, self.most_context)
            digest = self.listed[name]
            key = self.weights[digest]
            runner = self.runners.get(key)
            if runner is None or runner["context_length"] != wanted:
                self.runners.pop(key, None)
                self._make_room(self.sizes[name] + self.overhead)
                self.has(name, digest, context=wanted)
                self.loads.append(name)
                runner = self.runners[key]
            keep = call.body.get("keep_alive")
            if keep is not None:
                seconds = float(str(keep).rstrip("s"))
                runner["keep"] = None if seconds < 0 else seconds
            if runner["keep"] == 0:
                del self.runners[key]

    def _make_room(self, size: int) -> None:
        def full() -> bool:
            return len(self.runners) >= self.slots or size + sum(r["size"] for r in self.runners.values()) > self.memory

        while self.runners and full():
            order = sorted(self.runners, key=lambda key: self.runners[key]["keep"] or 1e12)
            del self.runners[order[0]]

    def _tag(self, name: str, digest: str) -> dict[str, Any]:
        what = "embedding" if name == NOMIC else "completion"
        return {"name": name, "digest": digest, "capabilities": [what], "size": self.sizes.get(name, 50)}

    def _shown(self, runner: dict[str, Any]) -> dict[str, Any]:
        keep = runner["keep"]
        moment = datetime.fromtimestamp(time.time() + (keep or 0), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        shown = {key: value for key, value in runner.items() if key != "keep"}
        return {**shown, "model": runner["name"], "expires_at": FOREVER if keep is None else moment}


@contextmanager
def servers(*found: Server) -> Iterator[list[dict[str, Any]]]:
    """As instance_info lists them."""
    with ExitStack() as stack:
        for one in found:
            stack.enter_context(one)
        yield [
            {"name": f"ollama-server-{number}", "url": one.url, "state": "running"}
            for number, one in enumerate(found, 1)
        ]


def rows(outcome: Outcome, server: int = 0) -> dict[str, dict[str, Any]]:
    found = outcome.result.get("error") or outcome.result
    return {row["name"]: row for row in found["results"][server]["models"]}


def actions(outcome: Outcome, server: int = 0) -> dict[str, str]:
    return {name: row["action"] for name, row in rows(outcome, server).items()}
