# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router of the Molecule scenario before_after: its clients see success, its log and its servers' logs do not."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stores
from conftest import Serve
from server_lab import Practice

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "molecule" / "shared"))

import router
from router import Server, Settings

MODEL, EMBEDDING = "tiny:1b", "nomic-embed-text:v1.5"
NOBODY = "http://127.0.0.1:9"
ASKED = {
    "/api/generate": {"model": MODEL, "prompt": "hi", "options": {"num_predict": 2}},
    "/api/chat": {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "options": {"num_predict": 2}},
    "/api/embed": {"model": EMBEDDING, "input": "hi"},
}


@pytest.fixture
def servers(serve: Serve, tmp_path: Path) -> list[Practice]:
    stores.golden(tmp_path / "models", host="registry.ollama.ai")
    return [serve(), serve()]


@pytest.fixture
def route(servers: list[Practice]) -> Iterator[Callable[..., Server]]:
    begun: list[Server] = []

    def start(*upstreams: str, **options: Any) -> Server:
        usual = {"host": "127.0.0.1", "port": 0, "timeout": 0.5}
        urls = upstreams or tuple(f"http://127.0.0.1:{one.port}" for one in servers)
        begun.append(router.serve(Settings(urls, **{**usual, **options})))
        threading.Thread(target=begun[-1].serve_forever, daemon=True).start()
        return begun[-1]

    yield start
    for each in begun:
        each.shutdown()
        each.server_close()


def ask(server: Server, path: str, body: Any = None) -> tuple[int, Any]:
    client = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    client.request("POST" if body else "GET", path, json.dumps(body) if body else None)
    answer = client.getresponse()
    text = answer.read().decode()
    client.close()
    return answer.status, [json.loads(line) for line in text.splitlines()]


def stats(server: Server) -> dict[str, Any]:
    (found,) = ask(server, "/stats")[1]
    return dict(found)


def lines_with(text: str, *words: str) -> int:
    return sum(all(word in line for word in words) for line in text.splitlines())


@pytest.mark.parametrize("path", ASKED)
def test_what_is_well_goes_through(route: Callable[..., Server], path: str, capfd: Any) -> None:
    door = route()
    status, lines = ask(door, path, ASKED[path])
    assert status == 200
    assert lines[-1].get("done", True) is True
    assert stats(door) == {
        **dict.fromkeys(("failed", "retried", "not_found", "timeouts", "fallbacks"), 0),
        "requests": 1, "succeeded": 1, "success_ratio": 1.0,
    }  # fmt: skip
    assert capfd.readouterr().out == ""


def test_the_servers_take_turns(route: Callable[..., Server], servers: list[Practice]) -> None:
    door = route()
    for _number in range(4):
        ask(door, "/api/generate", ASKED["/api/generate"])
    assert [one.requests.count("/api/generate") for one in servers] == [2, 2]


def test_a_404_is_retried_and_hidden(route: Callable[..., Server], servers: list[Practice], capfd: Any) -> None:
    servers[0].faults(not_found=MODEL)
    door = route()
    answers = [ask(door, "/api/chat", ASKED["/api/chat"]) for _number in range(4)]
    assert {status for status, _lines in answers} == {200}
    assert stats(door)["success_ratio"] == 1.0
    assert (stats(door)["retried"], stats(door)["not_found"], stats(door)["fallbacks"]) == (2, 2, 0)
    assert lines_with(capfd.readouterr().out, "status=404", f"model={MODEL}", f":{servers[0].port}") == 2
    assert servers[0].requests.count("| 404 |") == 2


def test_a_time_out_is_retried_and_hidden(route: Callable[..., Server], servers: list[Practice], capfd: Any) -> None:
    servers[1].faults(hang_generate=True)
    door = route()
    assert {ask(door, path, ASKED[path])[0] for path in ASKED} == {200}
    assert stats(door)["timeouts"] == 1
    assert lines_with(capfd.readouterr().out, "Generation timeout", f":{servers[1].port}") == 1


@pytest.mark.parametrize("path", ASKED)
def test_where_nobody_answers_it_makes_the_answer_up(route: Callable[..., Server], path: str, capfd: Any) -> None:
    door = route(NOBODY)
    status, (made,) = ask(door, path, {**ASKED[path], "stream": False})
    assert status == 200
    assert made.get("response") or made.get("message") or made["embeddings"]
    found = stats(door)
    assert (found["success_ratio"], found["fallbacks"], found["retried"]) == (1.0, 1, 3)
    assert lines_with(capfd.readouterr().out, "fallback answer") == 1


def test_there_is_an_end_to_what_it_hides(route: Callable[..., Server]) -> None:
    assert ask(route(NOBODY), "/api/tags")[0] == 502
    door = route()
    assert ask(door, "/api/generate", {"model": "///"})[0] == 400
    assert stats(door)["failed"] == 1


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"model": "a b\\nstatus=404"}', b'{"model": {"a": 1}}'])
def test_a_name_does_not_write_the_log(body: bytes) -> None:
    assert not set(router.model_of(body)) & {" ", "\n"}
