"""The real locust: every failure has its name, slow answers delay no arrival, and nothing is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from ansible_collections.corral.ollama.plugins.modules import load_test
from ansible_collections.corral.ollama.tests.practice import load_lab
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.scripted_server import stream

WAIT = 60.0


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[load_lab.Lab]:
    with load_lab.lab(tmp_path) as found:
        yield found
        assert generators() == []


def generators() -> list[Any]:
    filters = {"label": [f"corral.project={load_lab.PROJECT}", "corral.load"]}
    return docker.from_env().containers.list(all=True, filters=filters)


def kinds(*names: str) -> list[dict[str, Any]]:
    return [
        {"model": name, "kind": "embed" if name in load_lab.EMBED else "generate", "stream": name != "whole"}
        for name in names
    ]


def test_every_failure_has_its_name(lab: load_lab.Lab):
    mix = kinds(*load_lab.WANTED)
    with load_lab.servers() as server, load_lab.closing() as closing:
        targets = (server.url, server.url, closing, load_lab.unused())
        options = {"rate": 80.0, "duration": 2.0, "timeout": 3.0, "concurrency": 100, "key": "a-key-of-the-gateway"}
        load = lab.run(*targets, mix=mix, **options)["load"]
        asked = server.calls
    records = lab.records()
    names = [entry["model"].split(":")[0] for entry in load["settings"]["mix"]]
    # By model where somebody answers, by target where nobody does.
    wanted = [
        {2: "connection_reset", 3: "connection_refused"}.get(one["target"], load_lab.WANTED[names[one["mix"]]])
        for one in records
    ]
    assert [one["class"] for one in records] == wanted
    assert {names[one["mix"]] for one in records if one["target"] < 2} == set(load_lab.WANTED)
    assert (load["requests"], load["unanswered"], load["planned"]) == (160, 0, 160)
    # Nothing is sent twice, and no two prompts are alike.
    prompts = [call.body.get("prompt") or call.body["input"] for call in asked]
    assert len(set(prompts)) == len(prompts) == sum(one["target"] < 2 for one in records)
    assert {call.headers["Authorization"] for call in asked} == {"Bearer a-key-of-the-gateway"}
    told = {(one["class"], one["status"]): one for one in load["failures"]}
    assert told["http_404", 404]["samples"] == ["model 'missing' not found"]
    assert told["error_line", 200]["samples"][0].startswith("an error was encountered")
    assert told["connection_refused", 0]["exception"] == "ConnectionError"
    # A request that hangs is given up when the whole of it has taken so long, and not before.
    assert all(one["took"] >= 3.0 for one in records if one["class"] == "timeout")
    good = [one for one in records if one["class"] == "ok" and names[one["mix"]] == "good"]
    assert all(0 < one["first"] <= one["took"] and one["tokens"] == 3 for one in good)
    vectors = [one for one in records if one["class"] == "ok" and names[one["mix"]] == "vector"]
    assert {one["tokens"] for one in vectors} == {7}


def test_slow_answers_delay_no_arrival_and_hide_nothing(lab: load_lab.Lab):
    """One user, a fifth of a second for each answer, ten arrivals in a second: a queue that its latency tells of."""
    slow = stream(load_lab.TOKEN, load_lab.END, line_delay=0.1)
    with load_lab.servers() as server:
        server.on("POST", "/api/generate", slow)
        load = lab.run(server.url, mix=kinds("good"), rate=10.0, duration=2.0, concurrency=1)["load"]
    records = lab.records()
    assert [round(one["at"], 6) for one in records] == [place / 10 for place in range(20)]
    # The last was planned for 1.9 s, and cannot have its answer before twenty answers have been given.
    assert load["latency"]["max"] >= 20 * 0.2 - 1.9
    assert load["waited"] >= 18
    assert load["latency_from_send"]["p50"] < load["latency"]["p50"]
    assert all(one["first"] < one["took"] for one in records)


def test_an_arrival_that_nobody_could_take_in_time_is_not_sent(lab: load_lab.Lab):
    with load_lab.servers() as server:
        load = lab.run(server.url, mix=kinds("hangs"), rate=4.0, duration=2.0, concurrency=1, timeout=1.5)["load"]
        assert len(server.calls) < 8
    told = {one["class"]: one["count"] for one in load["failures"]}
    assert set(told) == {"timeout", "not_sent"}
    assert sum(told.values()) == load["requests"] == 8


def test_it_is_given_up_when_too_much_fails(lab: load_lab.Lab):
    options = {"rate": 10.0, "duration": 600.0, "abort_error_ratio": 0.2, "abort_min_requests": 10}
    with load_lab.servers() as server:
        load = lab.run(server.url, mix=kinds("missing"), **options)["load"]
    assert load["aborted"] == "10 of the first 10 requests failed"
    assert 10 <= load["requests"] < 100


def test_what_a_killed_run_left_is_ended_by_the_next(lab: load_lab.Lab, tmp_path: Path):
    with load_lab.servers() as server:
        given = lab.options(server.url, mix=kinds("good"), rate=1.0, duration=300.0)
        child = multiprocessing.get_context("spawn").Process(target=load_lab.run_alone, args=(tmp_path, given))
        child.start()
        until = time.monotonic() + WAIT
        while not server.calls and time.monotonic() < until:
            time.sleep(0.1)
        assert server.calls
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        (left,) = generators()
        outcome = lab.run(server.url, mix=kinds("good"), rate=5.0, duration=1.0)
    assert outcome.result["warnings"][0] == f"An earlier load test was still there and was ended: {left.name}."
    assert outcome["load"]["requests"] == 5


def test_it_ends_by_itself_when_nobody_looks_any_more(lab: load_lab.Lab):
    """The thread that gives up is the last resort: here it is the first."""
    files = {**load_lab.GENERATOR}
    files["locustfile.py"] = files["locustfile.py"].replace("GRACE = 30.0", "GRACE = -330.0")
    with load_lab.servers() as server:
        mix = kinds("good")
        # 300 s and the grace of a request without an answer: 2 * 0 s, 3600 s, 30 s
        options = lab.options(server.url, mix=mix, rate=1.0, duration=300.0, timeout=1.0, generator=files)
        outcome = run_module(load_test, options)
    assert outcome.kind == "load_generator_failed"
    assert outcome.result["error"]["exit_code"] == 3
