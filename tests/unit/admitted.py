# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet whose instances come up, load and answer as told, for what lets them in again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.corral.ollama.plugins.module_utils.glue import (
    box,
    drain_wait,
    gateway_door,
    watching,
)
from ansible_collections.corral.ollama.plugins.module_utils.glue.rollout_file import RolloutFile
from ansible_collections.corral.ollama.plugins.modules import admission
from ansible_collections.corral.ollama.tests.unit.fake_gateway import FakeGateway
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module
from ansible_collections.corral.ollama.tests.unit.rollout_begun import begun, member, paths
from ansible_collections.corral.ollama.tests.unit.scripted_server import (
    Answer,
    Call,
    ScriptedServer,
    error,
    ok,
    recorded,
    transcript,
)

MISTRAL, NOMIC = "mistral:7b", "nomic-embed-text:v1.5"
ONE, TWO = "ollama-server-1", "ollama-server-2"
TAGS = transcript("tags_with_embedding_model")["response"]["json"]


class Server(ScriptedServer):
    """Loads what it is asked for. ``vram``: the share that goes to a GPU; ``context``: its own length."""

    def __init__(self, vram: float = 0.0, context: int = 4096, room: int = 3) -> None:
        super().__init__()
        self.vram, self.context, self.room = vram, context, room
        self.loaded: dict[str, dict[str, Any]] = {}
        self.on("GET", "/api/version", recorded("version")).on("GET", "/api/tags", ok(TAGS))
        self.on("GET", "/api/ps", lambda _call: ok({"models": list(self.loaded.values())}))
        self.on("POST", "/api/generate", self.generates).on("POST", "/api/embed", self.embeds)

    def generates(self, call: Call) -> Answer:
        if call.body["model"] == NOMIC:
            return error(400, '"nomic-embed-text:v1.5" does not support generate')
        self.load(call)
        return recorded("generate" if call.body.get("prompt") else "generate_preload")

    def embeds(self, call: Call) -> Answer:
        self.load(call)
        return recorded("embed_ok")

    def load(self, call: Call) -> None:
        name = call.body["model"]
        entry = next(one for one in TAGS["models"] if one["name"] == name)
        forever = call.body.get("keep_alive") == -1
        context = (call.body.get("options") or {}).get("num_ctx") or self.context
        if self.loaded.get(name, {}).get("context_length") == context and not forever:
            return
        self.loaded.pop(name, None)
        while len(self.loaded) >= self.room:
            del self.loaded[next(iter(self.loaded))]
        vram, until = int(entry["size"] * self.vram), "2319-01-01T00:00:00Z" if forever else "2099-01-01T00:00:00Z"
        self.loaded[name] = {**entry, "size_vram": vram, "expires_at": until, "context_length": context}

    def asked(self) -> list[tuple[str, bool, Any]]:
        """(model, with a prompt, keep_alive) of everything that was loaded or answered, in its order."""
        calls = [call for call in self.calls if call.method == "POST" and call.path in ("/api/generate", "/api/embed")]
        return [
            (one.body["model"], "prompt" in one.body or "input" in one.body, one.body.get("keep_alive"))
            for one in calls
        ]


class Engine(FakeEngine):
    """``at[n]`` is done before the n-th inspection."""

    log = b"\x1b[31mlevel=ERROR\x1b[0m boom\n"

    def __init__(self, *containers: Any) -> None:
        super().__init__(*containers)
        self.at: dict[int, Any] = {}
        self.inspections = 0

    def inspect_container(self, container_id: str) -> Any:
        self.inspections += 1
        self.at.pop(self.inspections, lambda: None)()
        return super().inspect_container(container_id)

    def logs(self, _container: str, **_options: Any) -> bytes:
        return self.log

    def set(self, name: str, **state: Any) -> None:
        """Change what the engine knows of a service's container."""
        for one in self.all:
            if one["Config"]["Labels"]["com.docker.compose.service"] == name:
                restarts = state.pop("RestartCount", one["RestartCount"])
                one.update(RestartCount=restarts, State={**one["State"], **state})


@dataclass
class Fleet:
    """Instances by name, drained at the gateway, and in the record as being changed."""

    servers: dict[str, Server]
    engine: Engine
    gateway: FakeGateway
    roll: RolloutFile
    folder: Path
    options: dict[str, Any] = field(default_factory=dict)

    def args(self, *names: str, **more: Any) -> dict[str, Any]:
        batch = [{"name": name, "url": self.servers[name].url} for name in names or [ONE]]
        quick = {"healthy_deadline": 0.5, "deadline": 5, "min_healthy_time": 0.01, "timeout": 1, "drain_timeout": 0.1}
        fixed = {"project": "p", "models": [MISTRAL, NOMIC], "run_dir": "/run/gateway", "on_failure": "report"}
        return {**paths(self.roll), **fixed, **quick, **self.options, "instances": batch, **more}

    def admit(self, *names: str, check: bool = False, **more: Any) -> Outcome:
        return run_module(admission, self.args(*names, **more), check=check)


@contextmanager
def fleet(folder: Path, members: dict[str, dict[str, Any]], **servers: Server) -> Iterator[Fleet]:
    """``members``: what the record knows of each; a server of its own for each that is not given."""
    engine, gateway = Engine(), FakeGateway()
    with ExitStack() as stack:
        found = {name: stack.enter_context(servers.get(name) or Server()) for name in members}
        for name, server in found.items():
            port = int(server.url.rpartition(":")[2])
            engine.all.append(container(f"p-{name}", port, project="p", service=name))
            gateway.have(name, "DRAIN", drained=True, port=port)
        stack.enter_context(mock.patch.object(box, "connect", return_value=engine))
        stack.enter_context(mock.patch.object(gateway_door, "Runtime", return_value=gateway))
        for room, step in (
            (watching, "_STEP"),
            (watching, "_WATCH_STEP"),
            (gateway_door, "_STEP"),
            (drain_wait, "STEP"),
        ):
            stack.enter_context(mock.patch.object(room, step, 0.001))
        yield Fleet(found, engine, gateway, begun(folder, members), folder)


def failed(found: Fleet, kind: str, *said: str, log: bool = True) -> Outcome:
    """It was taken out, it is on record, and the reason is told with the end of its log."""
    outcome = found.admit()
    (entry,) = outcome["results"]
    assert (outcome.failed, outcome["ok"], entry["ok"], entry["kind"]) == (False, False, False, kind)
    assert outcome["problems"] == [entry["why"]]
    for text in (f"{ONE}", *said):
        assert text in entry["why"]
    assert entry["log"] == (["level=ERROR boom"] if log else [])
    record = member(found.roll, ONE)
    assert (record.state, record.why in entry["why"], bool(record.why)) == ("failed", True, True)
    assert found.gateway.states[ONE].drained
    assert outcome["go_on"] is False
    return outcome
