# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What servers say of themselves; none that hangs, trickles or talks nonsense delays the others or loads a model."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.exporter.servers import MAX_ANSWER, ServersReader
from ansible_collections.corral.ollama.tests.unit.exported import SERVERS, config
from ansible_collections.corral.ollama.tests.unit.fake_ollama import FakeOllama, digest_of, manifest
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, error, ok

RAW = manifest("a", "b")
ONE, TWO = SERVERS
QUICK = {"cache": 0, "request": 0.3, "part": 2}


def reader(*urls, times=None, **more):
    return ServersReader(config(list(urls), times=times or QUICK, **more), [].append, now=lambda: 1000.0)


@pytest.fixture
def servers():
    with FakeOllama() as one, FakeOllama() as two:
        one.models["mistral:7b"] = two.models["mistral:7b"] = RAW
        yield one, two


def test_what_is_listed_and_what_is_in_memory(servers):
    one, two = servers
    entry = {"name": "mistral:7b", "digest": digest_of(RAW), "size": 10, "size_vram": 4, "context_length": 4096}
    one.on("GET", "/api/ps", ok({"models": [entry]}))
    seen = reader(one.url, two.url).read().seen
    assert seen[ONE].up
    assert seen[ONE].version == "0.32.15"
    assert seen[ONE].listed == {parse_name("mistral:7b").key: digest_of(RAW)}
    assert [(found.size, found.size_vram) for found in seen[ONE].residents] == [(10, 4)]
    assert seen[TWO].residents == ()
    assert {call.method for server in servers for call in server.calls} == {"GET"}


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/ps"])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b""),
        Answer(body=b"[]"),
        Answer(body=b"\xff\xfe{"),
        Answer(body=b"[" * 1_000_000),
        Answer(body=b"{}" + b" " * MAX_ANSWER),
        Answer(status=500, body=b"boom"),
        Answer(status=200, delay=5),
        Answer(lines=({},), repeat_last=True, line_delay=0.1),
    ],
    ids=["empty", "list", "bytes", "deep", "huge", "500", "hangs", "trickles"],
)
def test_who_talks_nonsense_is_down_and_the_other_is_not(servers, path, answer):
    one, two = servers
    two.on("GET", path, answer)
    found = reader(one.url, two.url)
    # On a busy machine even who is well may need longer than this reader waits: it is read again, and then again.
    for _reading in range(20):
        seen = found.read().seen
        if seen[ONE].up:
            break
    assert (seen[ONE].up, seen[TWO].up) == (True, False)
    assert seen[TWO].problem


@pytest.mark.parametrize("models", [None, 5, "x", [None], [{"name": "a b"}], [{"digest": []}], {"a": 1}])
def test_entries_of_nonsense_are_left_out(servers, models):
    one, _two = servers
    one.on("GET", "/api/ps", ok({"models": models})).on("GET", "/api/tags", ok({"models": models}))
    seen = reader(one.url, models=[]).read().seen[ONE]
    assert (seen.up, seen.residents, dict(seen.listed)) == (True, (), {})


def test_a_model_that_flickers_is_looked_at_again(servers):
    one, _two = servers
    flicker = [ok({"models": []}), error(404, "gone for a moment"), one._scripts["GET", "/api/tags"][0]]
    one.on("GET", "/api/tags", *flicker)
    assert reader(one.url, times={"cache": 0, "part": 20}).read().seen[ONE].listed


def test_more_servers_than_turns_are_all_asked(servers):
    urls = [server.url for server in servers] * 8
    seen = reader(*urls, concurrency=2, times={"cache": 0, "part": 30}).read().seen
    assert [found.up for found in seen.values()] == [True] * 16


def test_who_had_no_turn_is_not_called_down(servers):
    one, two = servers
    found = reader(one.url, two.url, concurrency=1, times={"cache": 0, "request": 30, "part": 1})
    for server in servers:
        server.on("GET", "/api/version", Answer(delay=20))
    assert [seen.up for seen in found.read().seen.values()] == [False], (
        "one of them hangs, the other waits for its turn"
    )
