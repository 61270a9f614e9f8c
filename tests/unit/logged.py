# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine on a real wire that has containers with logs: the SDK, urllib3 and the chunks are the true ones."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit

import docker
from ansible_collections.corral.ollama.plugins.module_utils.glue import log_check as glue
from ansible_collections.corral.ollama.plugins.modules import log_check
from ansible_collections.corral.ollama.tests.unit.plugins.module_utils.engine.fake_engine import FakeEngine, container
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, Call, ScriptedServer, ok

STAMP = "2026-11-21T22:30:00.000000000Z"
NOW = 1795302000.0  # 2026-11-21T23:00:00Z
STDOUT, STDERR = 1, 2


def stamp(second: float) -> str:
    """A time after 22:00 in the engine's notation."""
    whole, part = divmod(round(second * 1_000_000), 1_000_000)
    return f"2026-11-21T{22 + whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{part:06}000Z"


def frame(text: str | bytes, stream: int = STDERR, at: str = STAMP) -> bytes:
    """One entry as the engine sends it. Without a newline at its end it is a part of a line."""
    data = at.encode() + b" " + (text.encode() if isinstance(text, str) else text)
    return struct.pack(">BxxxL", stream, len(data)) + data


def entry(text: str | bytes, stream: int = STDERR, at: str = STAMP) -> bytes:
    return frame(text + ("\n" if isinstance(text, str) else b"\n"), stream, at)


def gin(status: int, path: str = "/api/generate") -> str:
    return f'[GIN] 2026/11/21 - 22:30:00 | {status} |     681.459µs |       127.0.0.1 | POST     "{path}"'


def logging(name: str, *, driver: str = "json-file", tty: bool = False, project: str = "", service: str = "", **state):
    found = container(name, project=project, service=service, Created="2026-11-21T20:00:00.5Z")
    found["Config"]["Tty"] = tty
    found["HostConfig"]["LogConfig"] = {"Type": driver, "Config": {}}
    found["State"].update({"Running": True, "StartedAt": "2026-11-21T22:00:00.25Z", **state})
    return found


class Engine(ScriptedServer):
    """``logs``: by container the chunks that are sent, or a whole Answer."""

    def __init__(self, *containers: dict[str, Any], logs: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.fake, self.logs = FakeEngine(*containers), logs or {}
        self.asked: list[dict[str, str]] = []

    def _answer(self, call: Call) -> Answer:
        parts = urlsplit(call.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        kind, *what = parts.path.split("/")[2:]
        if kind == "images":
            image = self.fake.images.get(unquote("/".join(what[:-1])))
            return ok(image) if image else replace(ok({"message": "No such image"}), status=404)
        if what == ["json"]:
            return ok(self.fake.containers(all=True, filters=json.loads(query.get("filters", "{}"))))
        found = [one for one in self.fake.all if what[0] in (one["Id"], one["Name"].lstrip("/"))]
        if not found:
            return replace(ok({"message": f"No such container: {what[0]}"}), status=404)
        if what[1:] == ["json"]:
            return ok(found[0])
        self.asked.append(query)
        log = self.logs.get(found[0]["Name"].lstrip("/"), ())
        return log if isinstance(log, Answer) else Answer(lines=tuple(log))

    def api(self, timeout: float = 5.0) -> docker.APIClient:
        return docker.APIClient(base_url=f"tcp://{self.address}", version="1.41", timeout=timeout)


@contextmanager
def checking(engine: Engine, now: float = NOW) -> Iterator[Any]:
    """A function that runs the module against that engine at that time."""

    def check(**options: Any) -> Outcome:
        return run_module(log_check, options, check=options.pop("check_mode", False))

    with engine, mock.patch.object(glue, "connect", engine.api), mock.patch.object(glue.time, "time", return_value=now):
        yield check
