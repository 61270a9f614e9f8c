# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module model_info: many servers in one call, and nothing bad believed at first sight."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.modules import model_info
from ansible_collections.corral.ollama.tests.unit.fake_ollama import FakeOllama, digest_of, manifest
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, error, ok, recorded

ONE, TWO = manifest("a", "b"), manifest("a", "b", "c")


@pytest.fixture
def fleet() -> Iterator[list[FakeOllama]]:
    with FakeOllama() as first, FakeOllama() as second:
        for server in (first, second):
            server.models["mistral:7b"] = ONE
        yield [first, second]


def run(fleet: list[FakeOllama], *models: Any, check: bool = False, **options: Any) -> Outcome:
    servers = [{"name": f"ollama-server-{number}", "url": server.url} for number, server in enumerate(fleet, start=1)]
    given = {"servers": servers, "models": list(models), "recheck_delay": 0.001, **options}
    outcome = run_module(model_info, given, check=check)
    assert not outcome.failed, outcome.msg
    assert outcome.changed is False
    return outcome


def test_a_fleet_that_is_as_declared(fleet: list[FakeOllama]) -> None:
    for check in (True, False):
        outcome = run(fleet, {"name": "mistral:7b", "digest": digest_of(ONE)}, check=check)
        assert outcome["ok"] is True
        assert [server["version"] for server in outcome["servers"]] == ["0.32.15", "0.32.15"]
        assert outcome["servers"][1]["models"][0]["digest"] == digest_of(ONE)


def test_what_is_missing_differs_or_should_not_be_there(fleet: list[FakeOllama]) -> None:
    fleet[1].models = {"mistral:7b": TWO, "old:1": ONE}
    declared = [{"name": "mistral:7b", "digest": digest_of(ONE)}, "llava:7b", {"name": "old:1", "state": "absent"}]
    outcome = run(fleet, *declared)
    first, second = outcome["servers"]
    assert outcome["ok"] is False
    assert (first["missing"], first["differs"], first["unwanted"]) == (["llava:7b"], [], [])
    assert second["differs"] == [{"name": "mistral:7b", "expected": digest_of(ONE), "found": digest_of(TWO)}]
    assert second["unwanted"] == ["old:1"]
    assert outcome["inconsistent"][0]["name"] == "mistral:7b"
    assert {tuple(each["servers"]) for each in outcome["inconsistent"][0]["digests"]} == {
        ("ollama-server-1",),
        ("ollama-server-2",),
    }


def test_a_recording_in_our_words(fleet: list[FakeOllama]) -> None:
    fleet[0].on("GET", "/api/tags", recorded("tags_with_embedding_model"))
    fleet[0].on("GET", "/api/ps", recorded("ps_loaded"))
    models = {model["name"]: model for model in run(fleet[:1])["servers"][0]["models"]}
    embedding = models["nomic-embed-text:v1.5"]
    assert embedding["capabilities"] == ["embedding"]
    assert embedding["details"]["format"] == "gguf"
    assert (embedding["loaded"], embedding["size_vram"]) == (False, 0)


def test_what_is_loaded_is_matched_by_name(fleet: list[FakeOllama]) -> None:
    fleet[0].on("GET", "/api/ps", ok({"models": [{"name": "Mistral:7B", "size_vram": 77}]}))
    (model,) = run(fleet[:1])["servers"][0]["models"]
    assert (model["loaded"], model["size_vram"]) == (True, 77)


def test_an_old_server_without_capabilities(fleet: list[FakeOllama]) -> None:
    fleet[0].on("GET", "/api/tags", recorded("v0207_tags"))
    assert run(fleet[:1])["servers"][0]["models"][0]["capabilities"] == []


def test_names_match_in_any_spelling(fleet: list[FakeOllama]) -> None:
    assert run(fleet, "registry.ollama.ai/library/Mistral:7B")["ok"] is True


@pytest.mark.parametrize("flicker", [ok({"models": []}), error(500, "EOF"), error(404, "not found")])
def test_one_bad_look_is_not_believed(fleet: list[FakeOllama], flicker: Answer) -> None:
    listing = fleet[0]._tags
    fleet[0].on("GET", "/api/tags", flicker, flicker, listing)
    assert run(fleet, "mistral:7b")["ok"] is True


def test_a_lasting_error_is_told(fleet: list[FakeOllama]) -> None:
    fleet[0].on("GET", "/api/tags", error(500, "stat x: input/output error"))
    first, second = run(fleet, "mistral:7b")["servers"]
    assert first["reachable"] is True
    assert "answered GET /api/tags with 500: stat x: input/output error" in first["error"]
    assert first["missing"] == ["mistral:7b"]
    assert second["error"] == ""
    assert len(fleet[0].called("/api/tags")) == 4


def test_a_server_that_is_not_there_is_a_finding(fleet: list[FakeOllama]) -> None:
    servers = [{"name": "gone", "url": "http://127.0.0.1:9"}, {"name": "here", "url": fleet[0].url}]
    outcome = run(fleet, "mistral:7b", servers=servers)
    gone, here = outcome["servers"]
    assert (gone["reachable"], here["reachable"], outcome["ok"]) == (False, True, False)
    assert "http://127.0.0.1:9 cannot be reached" in gone["error"]


def test_something_else_at_the_address(fleet: list[FakeOllama]) -> None:
    fleet[0].on("GET", "/api/version", Answer(body=b"<html>It works!"))
    assert "not Ollama's JSON: '<html>It works!'" in run(fleet[:1])["servers"][0]["error"]
    fleet[0].on("GET", "/api/version", recorded("host_header_forbidden"))
    assert "with 403: Forbidden" in run(fleet[:1])["servers"][0]["error"]


def test_it_waits_for_a_server_that_starts(fleet: list[FakeOllama]) -> None:
    fleet[0].on("GET", "/api/version", error(503, "starting"), error(503, "starting"), ok({"version": "0.32.15"}))
    assert run(fleet[:1], wait=5)["servers"][0]["version"] == "0.32.15"
    begun = time.monotonic()
    gone = [{"name": "gone", "url": "http://127.0.0.1:9"}]
    assert run(fleet, servers=gone, wait=0.4)["servers"][0]["reachable"] is False
    assert 0.3 < time.monotonic() - begun < 60


def test_servers_are_asked_at_the_same_time(fleet: list[FakeOllama]) -> None:
    for server in fleet:
        server.on("GET", "/api/version", ok({"version": "1"}, delay=4))
    begun = time.monotonic()
    run(fleet)
    assert time.monotonic() - begun < 4 * len(fleet)


def test_bad_input_is_named(fleet: list[FakeOllama]) -> None:
    outcome = run_module(model_info, {"servers": [{"name": "a", "url": fleet[0].url}], "models": ["a b"]})
    assert outcome.kind == "bad_input"


def test_what_runs_is_told_by_digest_also_when_it_is_listed_no_more(fleet: list[FakeOllama]) -> None:
    running = [{"name": "mistral:7b", "digest": "b" * 64}, {"name": "gone:1", "digest": "a" * 64}, {"name": "?"}]
    fleet[0].on("GET", "/api/ps", ok({"models": running}))
    assert run(fleet[:1])["servers"][0]["running_digests"] == ["", "a" * 64, "b" * 64]
    fleet[1].on("GET", "/api/ps", error(500, "no"))
    server = run(fleet[1:2])["servers"][0]
    assert (server["error"] != "", server["running_digests"]) == (True, [])
