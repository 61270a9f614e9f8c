# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A peer over TLS: one certificate is believed, whoever signed it, and no other."""

from __future__ import annotations

import hashlib
import ssl

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.manifests import Blob
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.registry.peers import PeerClient, PeerError
from ansible_collections.corral.ollama.tests.unit.fake_registry import ranged
from ansible_collections.corral.ollama.tests.unit.scripted_server import TLS_CERT, Answer, ScriptedServer

DATA = bytes(range(256)) * 20
BLOB = Blob(hashlib.sha256(DATA).hexdigest(), len(DATA))
PATH = f"/blobs/sha256-{BLOB.digest}"


def fingerprint():
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(TLS_CERT.read_text())).hexdigest()


def read(server, start=10, stop=2000, **how):
    client, got = PeerClient("p", server.url, "t", timeout=5, **how), []
    client.read(BLOB, start, stop, got.append)
    return b"".join(got)


def test_the_pinned_certificate_is_believed():
    with ScriptedServer(tls=True) as server:
        server.on("GET", PATH, ranged(DATA, 10, 1999))
        colons = ":".join(fingerprint().upper()[at : at + 2] for at in range(0, 64, 2))
        for text in (fingerprint(), colons):
            assert read(server, fingerprint=text) == DATA[10:2000]
        assert server.calls[0].headers["Authorization"] == "Bearer t"
        assert server.calls[0].headers["Range"] == "bytes=10-1999"


def test_another_certificate_is_not_and_no_token_is_sent():
    with ScriptedServer(tls=True) as server:
        with pytest.raises(PeerError) as caught:
            read(server, fingerprint="0" * 64)
        assert caught.value.kind == "peer_wrong"
        assert not caught.value.transient
        assert server.calls == []


def test_neither_a_proxy_nor_a_password_of_the_host_is_used(monkeypatch, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with ScriptedServer() as server:
        server.on("GET", PATH, ranged(DATA, 10, 1999))
        assert read(server) == DATA[10:2000]
        assert server.calls[0].headers["Authorization"] == "Bearer t"


def test_a_redirect_is_not_followed():
    with ScriptedServer() as server:
        server.on("GET", PATH, Answer(307, headers={"Location": "http://127.0.0.1:9/"}))
        with pytest.raises(PeerError, match="status 307"):
            read(server)


def test_a_whole_blob_may_come_with_200_and_in_its_size_only():
    with ScriptedServer() as server:
        server.on("GET", PATH, Answer(body=DATA), Answer(body=DATA[:-1]))
        assert read(server, 0, len(DATA)) == DATA
        with pytest.raises(PeerError) as caught:
            read(server, 0, len(DATA))
        assert caught.value.kind == "peer_wrong"


def test_what_drips_is_too_late():
    clock = iter(range(0, 10**6, 10))
    with ScriptedServer() as server:
        slow = Answer(206, headers={"Content-Range": f"bytes 10-1999/{len(DATA)}"}, lines=(b"a",), repeat_last=True)
        server.on("GET", PATH, slow)
        client = PeerClient("p", server.url, timeout=5, clock=lambda: float(next(clock)))
        with pytest.raises(PeerError) as caught:
            client.read(BLOB, 10, 2000, lambda _piece: None)
        assert caught.value.kind == "peer_timeout"
        assert caught.value.transient


def test_an_endless_manifest_is_refused():
    with ScriptedServer() as server:
        server.on("GET", "/manifests/registry.ollama.ai/library/a/1", Answer(body=b" " * (4 * 1024 * 1024 + 1)))
        with pytest.raises(PeerError, match="more than"):
            PeerClient("p", server.url).manifest(parse_name("a:1"))
