# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load of the Molecule scenarios sees every way in which an answer can fail, and none where there is none."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certificates
import pytest
import stores
from conftest import Serve
from server_lab import Practice

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "molecule" / "shared"))

from load import Load, Outcome
from load_answers import ROUTES, Asked, Incomplete, Status, judge

MODELS = {"tiny:1b": "chat", "nomic-embed-text:v1.5": "embed"}
CLIENTS = {"aiohttp", "ollama", "openai", "requests"}
#: What of a request needs the runner of a model, in words of the load.
ANSWERS = {kind for kind in ROUTES if "tags" not in kind and "models" not in kind}


@pytest.fixture
def server(serve: Serve, tmp_path: Path) -> Practice:
    stores.golden(tmp_path / "models", host="registry.ollama.ai")
    return serve(OLLAMA_NUM_PARALLEL="16", PRACTICE_TOKEN_SECONDS="0.005")


@pytest.fixture
def load(server: Practice) -> Iterator[Callable[..., Load]]:
    """Starts a load on the server, or on another address."""
    begun: list[Load] = []

    def start(url: str = "", key: str = "", ca: str = "", **options: Any) -> Load:
        usual = {"clients": 15, "long_streams": 0, "rate": 150}
        begun.append(Load(url or f"http://127.0.0.1:{server.port}", key, ca, MODELS, **{**usual, **options}))
        return begun[-1].start()

    yield start
    for each in begun:
        each.__exit__()


def until(load: Load, enough: Callable[[Outcome], bool], limit: float = 60.0) -> Outcome:
    end = time.monotonic() + limit
    while not enough(load.so_far()):
        assert time.monotonic() < end, str(load.so_far())
        time.sleep(0.1)
    return load.so_far()


def test_nothing_fails_on_a_server_that_answers(load: Callable[..., Load]) -> None:
    running = load(long_streams=2, long_tokens=100)
    until(running, lambda so_far: {*ROUTES, "long_generate"} <= set(so_far.by_kind) and len(so_far.by_client) == 4)
    outcome = running.stop()
    assert outcome.failed == []
    assert set(outcome.by_client) == CLIENTS
    assert outcome.total == sum(outcome.by_kind.values()) == sum(outcome.by_client.values())
    assert min(outcome.long) > 0.5
    assert outcome.waits["tags"]["p50"] <= outcome.waits["tags"]["max"]


def test_an_end_without_done_is_a_failure_of_every_client(load: Callable[..., Load], server: Practice) -> None:
    running = load()
    server.faults(runner_killed={"after": 2})
    until(running, lambda so_far: {failure.client for failure in so_far.failed} == CLIENTS)
    outcome = running.stop()
    assert set(outcome.sorts) == {"incomplete"}
    assert {failure.kind for failure in outcome.failed} <= ANSWERS


def test_an_error_is_a_failure_of_every_client(load: Callable[..., Load], server: Practice) -> None:
    running = load()
    server.faults(error={"status": 502})
    until(running, lambda so_far: {failure.client for failure in so_far.failed} == CLIENTS)
    outcome = running.stop()
    assert set(outcome.sorts) == {"status"}
    assert {failure.status for failure in outcome.failed} == {502}


def test_a_model_that_is_not_listed_is_a_failure(load: Callable[..., Load], server: Practice) -> None:
    running = load()
    server.faults(missing_on_list="tiny:1b")
    until(running, lambda so_far: {failure.client for failure in so_far.failed} == CLIENTS - {"openai"})
    outcome = running.stop()
    assert {(failure.kind, failure.how) for failure in outcome.failed} == {("tags", "incomplete")}


def test_an_answer_that_does_not_come_is_a_failure_of_every_client(load: Callable[..., Load], server: Practice) -> None:
    running = load(timeout=0.5)
    server.faults(hang_generate=True)
    until(running, lambda so_far: {failure.client for failure in so_far.failed} == CLIENTS)
    server.faults()
    outcome = running.stop()
    assert set(outcome.sorts) == {"timeout"}
    assert {failure.kind for failure in outcome.failed} <= ANSWERS


def test_a_killed_server_cuts_what_runs_and_drops_what_comes(load: Callable[..., Load], server: Practice) -> None:
    running = load(long_streams=2, long_tokens=100_000)
    assert server.process
    until(running, lambda so_far: so_far.total > 200)  # the long ones have begun, or the test says so
    server.process.send_signal(signal.SIGKILL)
    until(running, lambda so_far: {f.client for f in so_far.failed if f.how == "dropped"} == CLIENTS)
    failed = running.stop().failed
    assert {failure.kind for failure in failed if failure.how == "cut"} >= {
        "long_generate_stream",
        "long_v1_chat_stream",
    }
    assert {failure.how for failure in failed} == {"cut", "dropped"}
    assert all(failure.error and failure.ended >= failure.began > 0 for failure in failed)


def test_a_load_whose_owner_dies_ends(load: Callable[..., Load]) -> None:
    running = load()
    process = running._process
    assert process
    assert process.stdin
    process.stdin.close()
    assert process.wait(30) == 0


class _Gate(BaseHTTPRequestHandler):
    """401 without the key, else 418 in the name of an instance."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        known = self.headers.get("Authorization") == "Bearer open-sesame"
        body = b'{"error": "short and stout"}'
        self.send_response(418 if known else 401)
        self.send_header("X-Corral-Instance", "ollama-server-3")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_words: Any) -> None:
        """Not on the terminal."""


def test_key_and_certificate_are_used_and_who_answered_is_known(load: Callable[..., Load], tmp_path: Path) -> None:
    ca, context = certificates.make(tmp_path)
    gate = ThreadingHTTPServer(("127.0.0.1", 0), _Gate)
    gate.socket = context.wrap_socket(gate.socket, server_side=True)
    threading.Thread(target=gate.serve_forever, daemon=True).start()
    try:
        running = load(f"https://127.0.0.1:{gate.server_port}", "open-sesame", str(ca))
        until(running, lambda so_far: {failure.client for failure in so_far.failed} == CLIENTS)
        outcome = running.stop()
    finally:
        gate.shutdown()
        gate.server_close()
    assert {(failure.how, failure.status, failure.instance) for failure in outcome.failed} == {
        ("status", 418, "ollama-server-3")
    }
    assert list(outcome.by_instance) == ["ollama-server-3"]


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


WORD, MORE = {"response": "a", "done": False}, {"message": {"content": "a"}, "done": False}
DONE = {"done": True, "eval_count": 2}
EVENT = b'data: {"choices": [{"delta": {"content": "a"}, "finish_reason": null}]}\n\n'
LAST = b'data: {"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}]}\n\n'
CHOICE = {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
WHOLE = {
    "tags": lines({"models": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}),
    "v1_models": lines({"data": [{"id": "a"}, {"id": "b"}]}),
    "embed": lines({"embeddings": [[0.1]]}),
    "v1_embed": lines({"data": [{"embedding": [0.1]}]}),
    "generate": lines({"response": "a b", **DONE}),
    "generate_stream": lines(WORD, WORD, DONE),
    "chat": lines({"message": {"content": "a b"}, **DONE}),
    "chat_stream": lines(MORE, MORE, DONE),
    "v1_chat": lines(CHOICE),
    "v1_chat_stream": EVENT + EVENT + LAST + b"data: [DONE]\n\n",
}
BROKEN = [
    ("tags", lines({"models": [{"name": "a"}]})),
    ("tags", lines({"models": None})),
    ("v1_models", lines({"data": [{"id": "b"}]})),
    ("embed", lines({"embeddings": []})),
    ("embed", lines({"embeddings": [[]]})),
    ("v1_embed", lines({"data": []})),
    ("generate", lines({"response": "a b", "done": False})),
    ("generate", lines({"response": "a", "done": True, "eval_count": 1})),
    ("generate", lines({"response": "", **DONE})),
    ("generate_stream", lines(WORD, WORD)),
    ("generate_stream", lines(WORD, DONE)),
    ("generate_stream", lines(WORD, WORD, {"error": "an error was encountered"})),
    ("generate_stream", lines(WORD, WORD, DONE)[:-5]),
    ("generate_stream", b""),
    ("chat", lines({"message": {"content": ""}, **DONE})),
    ("chat_stream", lines(MORE, MORE, {"done": False, "eval_count": 2})),
    ("v1_chat", lines({"choices": [{"message": {"content": "a"}, "finish_reason": None}]})),
    ("v1_chat_stream", EVENT + EVENT + LAST),
    ("v1_chat_stream", EVENT + EVENT + b"data: [DONE]\n\n"),
    ("v1_chat_stream", EVENT + b'data: {"error": {"message": "no"}}\n\ndata: [DONE]\n\n'),
    ("v1_chat_stream", b""),
]


@pytest.mark.parametrize("kind", ROUTES)
def test_a_whole_answer(kind: str) -> None:
    judge(Asked(kind, "a", ("a", "b"), tokens=2, status=200), WHOLE[kind])
    with pytest.raises(Status, match="503"):
        judge(Asked(kind, "a", ("a", "b"), tokens=2, status=503), WHOLE[kind])


@pytest.mark.parametrize(("kind", "raw"), BROKEN)
def test_an_answer_that_is_none(kind: str, raw: bytes) -> None:
    with pytest.raises(Incomplete):
        judge(Asked(kind, "a", ("a", "b"), tokens=2, status=200), raw)
