# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of the server's API, call by call against recordings; and looking again before believing."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core import libraries
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.server.client import OllamaClient
from ansible_collections.corral.ollama.plugins.module_utils.server.errors import ServerError
from ansible_collections.corral.ollama.plugins.module_utils.server.recheck import by_key, listed, settled
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, ScriptedServer, error, ok, recorded


def called(method: str, path: str, answer: Answer, call: Any) -> Any:
    with ScriptedServer() as server:
        server.on(method, path, answer)
        return call(OllamaClient(server.url + "/", timeout=2.0))


@pytest.mark.parametrize(
    ("method", "path", "recording", "call", "expected"),
    [
        ("GET", "/api/version", "version", lambda c: c.version(), "0.32.15"),
        ("GET", "/api/version", "v0207_version", lambda c: c.version(), "0.20.7"),
        ("GET", "/api/tags", "tags_empty", lambda c: c.tags(), []),
        ("GET", "/api/tags", "tags_one", lambda c: c.tags()[0]["name"], "tiny:1b"),
        ("GET", "/api/ps", "ps_loaded", lambda c: c.ps()[0]["size"], 1027603),
        ("POST", "/api/show", "show", lambda c: c.show("tiny:1b")["license"], "MIT"),
        ("DELETE", "/api/delete", "delete", lambda c: c.delete("x"), True),
        ("DELETE", "/api/delete", "delete_again", lambda c: c.delete("x"), False),
        ("POST", "/api/copy", "copy", lambda c: c.copy("a", "b"), None),
        ("POST", "/api/generate", "generate", lambda c: c.generate({"model": "x"})["done"], True),
        ("POST", "/api/chat", "chat", lambda c: c.chat({"model": "x"})["done"], True),
        ("POST", "/api/embed", "embed_ok", lambda c: len(c.embed({"model": "x"})["embeddings"]), 1),
    ],
)
def test_a_recorded_answer(method: str, path: str, recording: str, call: Any, expected: Any) -> None:
    assert called(method, path, recorded(recording), call) == expected


@pytest.mark.parametrize(
    ("recording", "status", "words"),
    [
        ("delete_empty_manifest", 500, "with 500: EOF"),
        ("ro_delete", 500, "read-only file system"),
        ("route_unknown", 404, None),
        ("host_header_forbidden", 403, "bind it to 0.0.0.0"),
    ],
)
def test_a_recorded_refusal(recording: str, status: int, words: str | None) -> None:
    if words is None:
        assert called("DELETE", "/api/delete", recorded(recording), lambda c: c.delete("x")) is False
        return
    with pytest.raises(ServerError) as caught:
        called("DELETE", "/api/delete", recorded(recording), lambda c: c.delete("x"))
    assert (caught.value.kind, caught.value.status) == ("server_error", status)
    assert words in str(caught.value)


def test_an_unknown_model_is_an_error_with_its_status() -> None:
    with pytest.raises(ServerError, match="model 'nosuch:latest' not found") as caught:
        called("POST", "/api/show", recorded("show_unknown"), lambda c: c.show("nosuch"))
    assert caught.value.status == 404


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"'])
def test_what_is_no_ollama(body: bytes) -> None:
    with pytest.raises(ServerError, match="not Ollama's JSON") as caught:
        called("GET", "/api/version", Answer(body=body), lambda c: c.version())
    assert "belongs to an Ollama server" in caught.value.remedy


@pytest.mark.parametrize("models", [None, {}, "x", [None, "x", 3]])
def test_odd_lists_are_empty(models: Any) -> None:
    assert called("GET", "/api/tags", ok({"models": models}), lambda c: c.tags()) == []


def test_a_server_that_does_not_answer_in_time() -> None:
    with pytest.raises(ServerError, match=r"did not answer POST /api/generate within 0\.2 s") as caught:
        called("POST", "/api/generate", Answer(delay=2.0), lambda c: c.generate({}, timeout=0.2))
    assert (caught.value.kind, caught.value.status) == ("server_timeout", 0)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "127.0.0.1:11434", "http://"])
def test_a_server_that_cannot_be_reached(url: str) -> None:
    with pytest.raises(ServerError, match="cannot be reached") as caught:
        OllamaClient(url).version()
    assert caught.value.kind == "server_gone"
    assert url.rstrip("/") in str(caught.value)


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert called("GET", "/api/version", ok({"version": "1"}), lambda c: c.version()) == "1"


def test_without_requests_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(libraries.importlib, "import_module", missing)
    with pytest.raises(CorralError, match=r"python3-requests \(the role corral.ollama.docker_host") as caught:
        OllamaClient("http://127.0.0.1:9")
    assert caught.value.kind == "missing_library"


def looks(*answers: Answer, rechecks: int = 3) -> tuple[Any, list[float]]:
    waits: list[float] = []
    wanted = [parse_name("Tiny:1B").key]

    def look(client: OllamaClient) -> Any:
        return listed(client, wanted, rechecks=rechecks, delay=0.2, sleep=waits.append)

    with ScriptedServer() as server:
        server.on("GET", "/api/tags", *answers)
        try:
            return look(OllamaClient(server.url)), waits
        except ServerError as failure:
            return failure, waits


ABSENT, PRESENT = recorded("tags_empty"), recorded("tags_one")


@pytest.mark.parametrize(
    ("answers", "found", "waits"),
    [
        ((PRESENT,), 1, 0),
        ((ABSENT, PRESENT), 1, 1),
        ((error(500, "stat x: no such file or directory"), ABSENT, error(404, "x"), PRESENT), 1, 3),
        ((ABSENT,), 0, 3),
        ((ABSENT, ABSENT, ABSENT, ABSENT, PRESENT), 0, 3),
    ],
)
def test_an_absence_is_looked_at_again(answers: tuple[Answer, ...], found: int, waits: int) -> None:
    models, waited = looks(*answers)
    assert (len(models), waited) == (found, [0.2] * waits)


def test_an_error_that_stays_is_raised() -> None:
    failure, waited = looks(error(500, "EOF"))
    assert failure.status == 500
    assert len(waited) == 3


def test_a_server_that_has_gone_is_not_asked_again() -> None:
    def read() -> None:
        raise ServerError("gone", kind="server_gone")

    with pytest.raises(ServerError):
        settled(read, bool, sleep=lambda _seconds: pytest.fail("asked again"))


def test_entries_by_key_leave_out_what_has_no_name() -> None:
    entries = [{"name": "Tiny:1B"}, {"model": "other"}, {"name": "a b"}, {}, {"name": None}]
    assert sorted(key[2:] for key in by_key(entries)) == [("other", "latest"), ("tiny", "1b")]
