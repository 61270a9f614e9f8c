"""load_test with the real locust in a real container, against servers that do what a model's name says."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.corral.ollama.plugins.action.load_test import FILES
from ansible_collections.corral.ollama.plugins.module_utils.engine import load_generator
from ansible_collections.corral.ollama.plugins.module_utils.glue import load_files
from ansible_collections.corral.ollama.plugins.modules import load_test
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, Call, ScriptedServer, error, ok, stream
from corral_practice.images import LOCUST, ensure_locust

PROJECT = "corral-load-practice"
GENERATOR = {path.name: path.read_text(encoding="utf-8") for path in FILES.glob("*.py")}
TOKEN = {"response": "word ", "done": False}
END = {"response": "", "done": True, "eval_count": 3, "eval_duration": 30_000_000}
ANSWERS: dict[str, Answer] = {
    "good": stream(TOKEN, TOKEN, TOKEN, END),
    "whole": ok({**END, "response": "words"}),
    "vector": ok({"embeddings": [[0.5, 0.25]], "prompt_eval_count": 7}),
    "zeros": ok({"embeddings": [[0.0, 0.0]]}),
    "missing": error(404, "model 'missing' not found"),
    "busy": error(503, "server busy, please try again.  maximum pending requests exceeded"),
    "broken": error(500, "llama runner process has terminated"),
    "moved": Answer(302, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
    "error-line": stream(TOKEN, {"error": "an error was encountered while running the model: unexpected EOF"}),
    "unfinished": stream(TOKEN, TOKEN),
    "cut": stream(TOKEN, TOKEN, cut=True),
    "empty": stream({"response": "", "done": True}),
    "nothing": Answer(body=b""),
    "strange": Answer(body=b"<html>It works!</html>"),
    "hangs": stream(TOKEN, hang=20.0),
}
WANTED = {
    **dict.fromkeys(("good", "whole", "vector"), "ok"),
    **dict.fromkeys(("zeros", "empty"), "empty"),
    **dict.fromkeys(("unfinished", "cut", "nothing"), "unfinished"),
    "missing": "http_404",
    "busy": "http_503",
    "broken": "http_500",
    "moved": "http_302",
    "error-line": "error_line",
    "strange": "bad_answer",
    "hangs": "timeout",
}
EMBED = ("vector", "zeros")


@contextmanager
def servers() -> Iterator[ScriptedServer]:
    """Answers by the model that is asked for, on every route."""

    def answer(call: Call) -> Answer:
        return ANSWERS[call.body["model"].split(":")[0]]

    with ScriptedServer() as server:
        for path in ("/api/generate", "/api/chat", "/api/embed"):
            server.on("POST", path, answer)
        yield server


@contextmanager
def closing() -> Iterator[str]:
    """The address of somebody who takes connections and drops them."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drop() -> None:
            while True:
                try:
                    connection, _address = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)

        thread = threading.Thread(target=drop, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def unused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@dataclass
class Lab:
    folder: Path

    def options(self, *urls: str, mix: list[dict[str, Any]], **options: Any) -> dict[str, Any]:
        targets = [{"name": f"target-{number}", "url": url} for number, url in enumerate(urls)]
        known = {"project": PROJECT, "path": str(self.folder), "image": LOCUST, "targets": targets, "mix": mix}
        return {**known, "generator": GENERATOR, "abort_error_ratio": 1.0, "memory_mb": 256, **options}

    def run(self, *urls: str, **options: Any) -> Outcome:
        outcome = run_module(load_test, self.options(*urls, **options))
        assert not outcome.failed, outcome.msg
        return outcome

    def records(self) -> list[dict[str, Any]]:
        (results,) = self.folder.glob("run-*/out/requests.jsonl")
        return [json.loads(line) for line in results.read_text().splitlines()]


@contextmanager
def lab(folder: Path) -> Iterator[Lab]:
    """As whoever runs the tests, who may not be root: the generator is this user then."""
    ensure_locust()
    with ExitStack() as patches:
        for module in (load_generator, load_files):
            patches.enter_context(mock.patch.object(module, "USER", os.getuid()))
        yield Lab(folder / "load")


def run_alone(folder: Path, options: dict[str, Any]) -> None:
    """A run in a process of its own, which may be killed."""
    with lab(folder):
        run_module(load_test, options)
