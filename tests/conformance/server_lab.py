"""Starts the practice server as a process of its own and asks it."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).resolve().parents[2] / "practice" / "server"
COMMAND = [sys.executable, "-m", "practice_ollama"]
LISTENING = re.compile(r"Listening on [^ ]*:(\d+) ")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool = True

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.lines[-1]


@dataclass
class Practice:
    """One server. `wrapper` is a command in front of it (for a file system of its own)."""

    root: Path
    models: Path
    env: dict[str, str] = field(default_factory=dict)
    wrapper: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    begun: list[http.client.HTTPConnection] = field(default_factory=list)

    def start(self, wait: bool = True) -> Practice:
        self.root.mkdir(parents=True, exist_ok=True)
        env = {"PATH": os.environ["PATH"], "HOME": str(self.root), "PYTHONPATH": str(PACKAGE), "OLLAMA_NO_CLOUD": "1"}
        env.update({"OLLAMA_MODELS": str(self.models), "OLLAMA_HOST": "127.0.0.1:0"}, **self.env)
        with open(self.root / "out", "wb") as out, open(self.root / "err", "wb") as err:
            self.process = subprocess.Popen([*self.wrapper, *COMMAND, "serve"], env=env, stdout=out, stderr=err)
        if wait:
            self.wait()
        return self

    def wait(self, timeout: float = 20.0) -> None:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            found = LISTENING.search(self.log)
            if found:
                self.port = int(found.group(1))
                return
            if self.process and self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"the practice server did not start: {self.log}")

    @property
    def log(self) -> str:
        return (self.root / "err").read_text()

    @property
    def requests(self) -> str:
        return (self.root / "out").read_text()

    def stop(self) -> int:
        if self.process is None:
            return 0
        for connection in self.begun:
            connection.close()
        self.process.terminate()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()

    def restart(self) -> Practice:
        self.stop()
        return self.start()

    def begin(self, path: str, **body: Any) -> http.client.HTTPConnection:
        """A request whose answer nobody reads."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, json.dumps(body))
        self.begun.append(connection)
        return connection

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """The raw response, for those who read it piece by piece."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        raw = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        connection.request(method, path, raw, headers or {})
        response = connection.getresponse()
        response.connection = connection  # type: ignore[attr-defined]
        return response

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        response = self.send(method, path, body, headers)
        complete = True
        try:
            raw = response.read()
        except http.client.IncompleteRead as error:
            raw, complete = error.partial, False
        return Answer(response.status, dict(response.getheaders()), raw, complete)

    def post(self, path: str, **body: Any) -> Answer:
        return self.ask("POST", path, body)

    def stream(self, path: str, **body: Any) -> Iterator[dict[str, Any]]:
        response = self.send("POST", path, body)
        try:
            for line in response:
                yield json.loads(line)
        finally:
            response.close()
            response.connection.close()

    def faults(self, **faults: Any) -> None:
        answer = self.ask("PUT", "/practice/faults", faults)
        assert answer.status == 200, answer.text

    def tags(self) -> dict[str, dict[str, Any]]:
        return {model["name"]: model for model in self.ask("GET", "/api/tags").json["models"]}

    def cli(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE), "OLLAMA_HOST": f"127.0.0.1:{self.port}"}
        run = [*COMMAND, *words]
        return subprocess.run(run, env=env, input=stdin, capture_output=True, text=True, timeout=60, check=False)
