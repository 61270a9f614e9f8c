# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One blob from a registry that redirects, resumes, drips, lies and breaks off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.manifests import Blob
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.registry.blobs import BlobClient
from ansible_collections.corral.ollama.plugins.module_utils.registry.errors import RegistryError
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry, cut_after, endless, status
from ansible_collections.corral.ollama.tests.unit.scripted_server import TLS_CERT, Answer, ScriptedServer
from ansible_collections.corral.ollama.tests.unit.staged import digest, manifest_of

DATA = bytes(range(256)) * 400
BLOB = Blob(digest(DATA), len(DATA))
NAME = parse_name("mistral:7b")
RAW = manifest_of(b"config", DATA)
PATH = f"/v2/library/mistral/blobs/sha256:{BLOB.digest}"


@dataclass
class Memory:
    """A sink."""

    data: bytearray = field(default_factory=bytearray)
    restarts: int = 0

    @property
    def offset(self) -> int:
        return len(self.data)

    def write(self, piece: bytes) -> None:
        self.data += piece

    def restart(self) -> None:
        self.data.clear()
        self.restarts += 1


def client(url, **more):
    more.setdefault("sleep", lambda _seconds: None)
    more.setdefault("timeout", 5.0)
    return BlobClient({"registry.ollama.ai": url}, **more)


@pytest.fixture(params=[False, True], ids=["redirected", "direct"])
def registry(request):
    server = FakeRegistry(direct=request.param)
    server.serve("library/mistral", "7b", RAW, digest(RAW), {BLOB.digest: DATA})
    with server:
        yield server


def refused(registry, sink=None, **more):
    with pytest.raises(RegistryError) as caught:
        client(registry.url, **more).fetch(NAME, BLOB, Memory() if sink is None else sink)
    return caught.value


def test_the_whole_of_it(registry):
    sink, seen = Memory(), []
    outcome = client(registry.url).fetch(NAME, BLOB, sink, on_bytes=seen.append)
    assert bytes(sink.data) == DATA
    assert outcome.bytes == registry.fetched == sum(seen) == len(DATA)
    assert outcome.retries == []
    assert all("Authorization" not in call.headers for call in registry.calls)
    assert {call.headers["Accept-Encoding"] for call in registry.calls} == {"identity"}


def test_what_is_there_is_not_fetched_again(registry):
    sink = Memory(bytearray(DATA[:1000]))
    assert client(registry.url).fetch(NAME, BLOB, sink).bytes == len(DATA) - 1000
    assert bytes(sink.data) == DATA
    calls = len(registry.calls)
    assert client(registry.url).fetch(NAME, BLOB, sink).bytes == 0
    assert len(registry.calls) == calls


def test_an_empty_blob(registry):
    empty = Blob(digest(b""), 0)
    registry.serve("library/mistral", "7b", RAW, digest(RAW), {empty.digest: b""})
    assert client(registry.url).fetch(NAME, empty, Memory()).bytes == 0


def test_a_server_that_ignores_the_range_begins_anew(registry):
    registry.twist[BLOB.digest] = [lambda _call, _right: Answer(body=DATA)]
    sink = Memory(bytearray(b"garbage"))
    client(registry.url).fetch(NAME, BLOB, sink)
    assert (bytes(sink.data), sink.restarts) == (DATA, 1)


def test_a_range_that_is_refused_begins_anew(registry):
    registry.twist[BLOB.digest] = [status(416)]
    sink = Memory(bytearray(DATA[:7]))
    client(registry.url).fetch(NAME, BLOB, sink)
    assert (bytes(sink.data), sink.restarts) == (DATA, 1)


@pytest.mark.parametrize("where", ["bytes 0-9/102400", "bytes 1000-102399/7", "rubbish", ""])
def test_another_range_than_was_asked_for(registry, where):
    registry.twist[BLOB.digest] = [lambda _call, right: replace(right, headers={"Content-Range": where})]
    sink = Memory(bytearray(DATA[:1000]))
    error = refused(registry, sink)
    assert "another range" in error.message
    assert bytes(sink.data) == DATA[:1000]


def test_a_connection_that_breaks_is_taken_up_where_it_was(registry):
    registry.twist[BLOB.digest] = [cut_after(50_000), cut_after(2), status(503)]
    sink = Memory()
    outcome = client(registry.url, retries=2).fetch(NAME, BLOB, sink)
    assert bytes(sink.data) == DATA
    assert outcome.bytes == len(DATA)
    assert [retry["offset"] for retry in outcome.retries] == [50_000, 50_002, 50_002]


def test_one_that_breaks_again_and_again_without_progress(registry):
    registry.twist[BLOB.digest] = [cut_after(5000), *[cut_after(10)] * 9]
    error = refused(registry, retries=2)
    assert (error.kind, len(error.facts["retries"])) == ("registry_unreachable", 3)
    assert NAME.display in error.message


def test_one_that_begins_anew_every_time_ends_too(registry):
    registry.twist[BLOB.digest] = [lambda _call, _right: Answer(lines=(DATA[:5000],), cut=True)] * 99
    error = refused(registry, retries=2)
    assert len(error.facts["retries"]) == 3


def test_an_endless_answer_is_cut_off(registry):
    registry.twist[BLOB.digest] = [endless]
    sink = Memory()
    error = refused(registry, sink)
    assert (error.kind, error.facts["reason"]) == ("registry_error", "wrong_size")
    assert sink.offset <= len(DATA)


@pytest.mark.parametrize("body", [DATA + b"x", DATA[:-1], b""])
def test_another_length_is_refused_before_a_byte_is_taken(registry, body):
    registry.twist[BLOB.digest] = [lambda _call, right: replace(right, body=body)]
    sink = Memory()
    assert refused(registry, sink).facts["reason"] == "wrong_size"
    assert sink.offset == 0


def test_a_compressed_answer_is_refused(registry):
    registry.twist[BLOB.digest] = [lambda _call, right: replace(right, headers={"Content-Encoding": "gzip"})]
    assert "compressed" in refused(registry).message


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        (404, "model_not_found", "unknown_blob"),
        (401, "registry_auth", "auth"),
        (403, "registry_auth", "auth"),
        (429, "registry_busy", "rate_limit"),
        (500, "registry_error", "registry_failed"),
        (204, "registry_error", "odd_status"),
    ],
)
def test_refusals(registry, code, kind, reason):
    registry.twist[BLOB.digest] = [status(code)] * 9
    error = refused(registry)
    assert (error.kind, error.facts["reason"]) == (kind, reason)
    assert BLOB.digest in error.message


def test_silence_ends(registry):
    registry.twist[BLOB.digest] = [lambda _call, right: Answer(lines=(right.body[:9],), hang=60)]
    error = refused(registry, timeout=0.3, retries=0)
    assert (error.kind, error.facts["reason"]) == ("registry_unreachable", "timeout")


def test_a_drip_is_no_progress(registry):
    """A byte now and then keeps every read from timing out."""
    registry.twist[BLOB.digest] = [lambda _call, _right: Answer(lines=(b"x",), repeat_last=True, line_delay=0.02)]
    error = refused(registry, timeout=0.4, retries=0)
    assert (error.kind, error.facts["reason"]) == ("registry_unreachable", "timeout")


def test_no_more_bytes_in_a_second_than_allowed(registry):
    slept = []
    limited = client(registry.url, sleep=slept.append)
    limited.bytes_per_second, limited.clock = 10_000, lambda: 0.0
    limited.fetch(NAME, BLOB, Memory())
    assert max(slept) == pytest.approx(len(DATA) / 10_000)


def redirecting(location):
    server = ScriptedServer()
    return server.on("GET", PATH, Answer(307, headers={"Location": location}))


@pytest.mark.parametrize("location", ["", "ftp://host/x", "file:///etc/passwd", "http://", PATH])
def test_redirects_that_lead_nowhere(location):
    with redirecting(location) as server, pytest.raises(RegistryError) as caught:
        client(server.url).fetch(NAME, BLOB, Memory())
    assert caught.value.kind == "registry_error"
    assert "redirects" in caught.value.message
    assert len(server.calls) <= 6


def test_a_redirect_from_https_to_http_is_refused():
    with ScriptedServer() as plain, ScriptedServer(tls=True) as server:
        server.on("GET", PATH, Answer(307, headers={"Location": f"{plain.url}/x"}))
        with pytest.raises(RegistryError, match="redirects"):
            client(server.url, ca_path=str(TLS_CERT)).fetch(NAME, BLOB, Memory())
        assert plain.calls == []


def test_a_redirect_to_a_host_that_is_reached_elsewhere():
    with ScriptedServer() as other, redirecting("http://blobs.example:444/x?signed=1") as server:
        other.on("GET", "/below/x?signed=1", Answer(body=DATA))
        endpoints = {"registry.ollama.ai": server.url, "blobs.example:444": f"{other.url}/below"}
        sink = Memory()
        BlobClient(endpoints).fetch(NAME, BLOB, sink)
        assert bytes(sink.data) == DATA
        assert other.calls[0].headers["Host"] == "blobs.example:444"


def test_whether_it_has_a_blob(registry):
    client(registry.url).has(NAME, BLOB)
    with pytest.raises(RegistryError, match="no such blob"):
        client(registry.url).has(NAME, Blob("0" * 64, 7))
    with pytest.raises(RegistryError, match="another number of bytes"):
        client(registry.url).has(NAME, Blob(BLOB.digest, 7))


def test_a_registry_that_answers_no_head_may_have_it():
    with ScriptedServer() as server:
        server.on("HEAD", PATH, Answer(405))
        client(server.url).has(NAME, BLOB)
