# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry client against a scripted registry: what it asks, and how it tells failures apart."""

from __future__ import annotations

import hashlib
import json
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.registry import client as client_module
from ansible_collections.corral.ollama.plugins.module_utils.registry.client import ACCEPT, RegistryClient
from ansible_collections.corral.ollama.plugins.module_utils.registry.errors import RegistryError
from ansible_collections.corral.ollama.tests.unit.scripted_server import TLS_CERT, Answer, ScriptedServer, ok

MISTRAL = parse_name("mistral:7b")
PATH = "/v2/library/mistral/manifests/7b"
MANIFEST = {
    "schemaVersion": 2,
    "config": {"mediaType": "c", "digest": f"sha256:{'a' * 64}", "size": 10},
    "layers": [{"mediaType": "m", "digest": f"sha256:{'b' * 64}", "size": 200}],
}


def client(server_url: str, **options: Any) -> RegistryClient:
    options.setdefault("sleep", lambda _seconds: None)
    return RegistryClient({"registry.ollama.ai": server_url}, **options)


def failure(*answers: Answer, **options: Any) -> tuple[RegistryError, int]:
    with ScriptedServer() as server:
        server.on("GET", PATH, *answers)
        with pytest.raises(RegistryError) as caught:
            client(server.url, **options).manifest(MISTRAL)
        return caught.value, len(server.calls)


def test_the_digest_is_that_of_the_raw_bytes() -> None:
    raw = json.dumps(MANIFEST, indent=3).encode() + b"\n"
    with ScriptedServer() as server:
        server.on("GET", PATH, Answer(body=raw))
        remote = client(server.url + "/").manifest(MISTRAL)
    assert remote.digest == hashlib.sha256(raw).hexdigest()
    assert remote.raw == raw
    assert remote.manifest.total_size == 210
    assert server.calls[0].headers["Accept"] == ACCEPT
    assert not server.calls[0].headers["User-Agent"].startswith("ollama/")


def test_a_registry_may_speak_http_where_that_is_wanted() -> None:
    with ScriptedServer() as server:
        server.on("GET", "/v2/library/tiny/manifests/1b", ok(MANIFEST))
        name = parse_name(f"{server.address}/library/tiny:1b")
        assert RegistryClient().manifest(name, insecure=True).manifest.total_size == 210


def test_a_registry_with_a_private_authority() -> None:
    with ScriptedServer(tls=True) as server:
        server.on("GET", PATH, ok(MANIFEST))
        assert client(server.url, ca_path=str(TLS_CERT)).manifest(MISTRAL).manifest.total_size == 210
        with pytest.raises(RegistryError) as caught:
            client(server.url).manifest(MISTRAL)
    assert (caught.value.kind, caught.value.facts["reason"]) == ("registry_tls", "certificate")
    assert "registry_ca_path" in caught.value.remedy


@pytest.mark.parametrize(
    ("status", "kind", "words", "asked"),
    [
        (401, "registry_auth", "wants credentials", 1),
        (403, "registry_auth", "wants credentials", 1),
        (404, "model_not_found", "no such model or tag", 1),
        (412, "needs_newer_server", "needs a newer Ollama", 1),
        (429, "registry_busy", "limits the rate", 3),
        (400, "registry_error", "unexpected answer", 1),
        (500, "registry_error", "it failed", 3),
        (503, "registry_error", "it failed", 3),
    ],
)
def test_a_status_is_told_apart(status: int, kind: str, words: str, asked: int) -> None:
    error, calls = failure(Answer(status, b'{"errors": [{"code": "X"}]}'))
    assert error.kind == kind
    assert words in str(error)
    assert "mistral:7b" in str(error)
    assert "registry.ollama.ai (at http://127.0.0.1:" in str(error)
    assert f"status {status}" in str(error)
    assert error.remedy
    assert calls == asked


def test_what_passes_is_asked_again() -> None:
    waits: list[float] = []
    with ScriptedServer() as server:
        server.on("GET", PATH, Answer(503), Answer(429), ok(MANIFEST))
        client(server.url, sleep=waits.append).manifest(MISTRAL)
    assert waits == [0.5, 1.0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "not JSON"),
        (b"", "empty"),
        (b"[]", "not a JSON object"),
        (b"{}", "no config or no layer"),
        (b" " * (5 * 1024 * 1024), "longer than"),
        (json.dumps({**MANIFEST, "layers": [{"digest": "sha256:../x", "size": 1}]}).encode(), "bad digest"),
    ],
)
def test_an_answer_that_is_no_manifest(body: bytes, words: str) -> None:
    error, calls = failure(Answer(body=body))
    assert (error.kind, error.facts["reason"], calls) == ("registry_error", "bad_manifest", 1)
    assert words in str(error)


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    parts = iter([b"x" * 2**20] * 100)
    body = client_module._body(SimpleNamespace(iter_content=lambda _size: parts))
    assert len(body) == 5 * 2**20
    assert len(list(parts)) == 95


def unreachable(url: str, **options: Any) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        client(url, retries=0, **options).manifest(MISTRAL)
    assert caught.value.kind in ("registry_unreachable", "registry_tls")
    assert "mistral:7b" in str(caught.value)
    return caught.value


def test_nothing_listens() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        error = unreachable(f"http://127.0.0.1:{closed.getsockname()[1]}")
    assert error.facts["reason"] == "refused"
    assert "nothing listens" in str(error)
    assert "registry_endpoints" in error.remedy


def test_a_name_that_cannot_be_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_host(*_args: object, **_kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    error = unreachable("https://registry.invalid")
    assert error.facts["reason"] == "dns"
    assert "cannot be resolved" in str(error)


def test_a_registry_that_does_not_answer() -> None:
    with ScriptedServer() as server:
        server.on("GET", PATH, Answer(delay=3.0))
        error = unreachable(server.url, timeout=0.2)
    assert error.facts["reason"] == "timeout"


def test_http_where_https_was_expected() -> None:
    with ScriptedServer() as server:
        error = unreachable(f"https://{server.address}")
    assert error.facts["reason"] == "plain_http"
    assert "Set insecure" in error.remedy


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"endpoints": {"registry.ollama.ai": "mirror:443"}}, "no http or https URL"),
        ({"ca_path": "/nowhere/ca.pem"}, "/nowhere/ca.pem cannot be read"),
    ],
)
def test_settings_that_cannot_work(options: dict[str, Any], words: str) -> None:
    with pytest.raises(CorralError, match=words) as caught:
        RegistryClient(**options)
    assert caught.value.kind == "bad_input"
