"""Recordings that need no model: routes, names, headers, errors that come before any work."""

from __future__ import annotations

import pytest
import table
from compare import Check
from server_lab import Practice

HEADERS = {
    "host_header_forbidden": {"Host": "evil.example.com"},
    "origin_forbidden": {"Origin": "http://evil.example.com"},
}
CLOSED = "127.0.0.1:1"


@pytest.mark.parametrize("name", table.names("basic"))
def test_replay(name: str, shared: Practice) -> None:
    check = Check(name, shared.models)
    check.hold(check.send(shared, HEADERS.get(name)))


@pytest.mark.parametrize("stream", [True, False])
def test_registry_that_refuses(stream: bool, shared: Practice) -> None:
    answer = shared.post("/api/pull", model=f"{CLOSED}/library/tiny:1b", insecure=True, stream=stream)
    assert answer.status == (200 if stream else 500)
    text = f'Get "http://{CLOSED}/v2/library/tiny/manifests/1b": dial tcp {CLOSED}: connect: connection refused'
    assert answer.last == {"error": f"pull model manifest: {text}"}
