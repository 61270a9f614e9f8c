# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients see success only. Router, servers and stores tell what is so: by name, and to the last one."""

from __future__ import annotations

import pytest
from masked import (
    ASKED,
    LEFT,
    LLAMA,
    LLAVA,
    MODELS,
    NOMIC,
    NOT_FOUND,
    OLD,
    ROUTER,
    SAID,
    load_test,
    logged,
    route,
    stats,
    traffic,
)

HALF = {"old-ollama-2": LLAMA, "old-ollama-3": LLAVA, "old-ollama-7": NOMIC}
SILENT = {"old-ollama-4": LLAMA, "old-ollama-8": LLAVA}
WRONG = "old-ollama-5"
PORTS = dict(zip(OLD, range(11434, 11442), strict=True))


def store_of(name):
    return f"/var/lib/docker/volumes/old_{name[-1]}/_data/models"


@pytest.fixture(scope="module")
def seen(lab):
    """Who asks what, with the router in front of all eight."""
    route(lab, [f"http://127.0.0.1:{port}" for port in PORTS.values()])
    return traffic(lab)


@pytest.fixture(scope="module")
def counted(lab, seen):
    """Read once nothing is asked any more, and before anything else asks."""
    return logged(lab, OLD, instances=False)


def test_the_usual_health_check_is_green(lab):
    for port in PORTS.values():
        assert "models" in lab.api(port, "/api/tags")


def test_clients_and_the_routers_own_figures_see_success_only(lab, seen, record):
    assert dict(seen) == {200: ASKED}
    found = stats(lab)
    assert found["success_ratio"] == 1.0
    record("before", "clients", {"requests": ASKED, "failed": 0})
    record("before", "router", found)


def test_the_logs_tell_what_was_masked_to_the_last_one(lab, counted, record):
    hidden = stats(lab)
    assert hidden["not_found"] > 0
    assert hidden["timeouts"] > 0
    assert counted.of("not_found", container=ROUTER) == counted.of(*NOT_FOUND) == hidden["not_found"]
    assert counted.of("timeout", container=ROUTER) == counted.of(*LEFT) == hidden["timeouts"]
    record("before", "consumer", {name: counted.of(pattern, container=ROUTER) for name, pattern in SAID.items()})
    record("before", "logs", {"not_found": counted.of(*NOT_FOUND), "timeouts": counted.of(*LEFT)})


def test_the_logs_name_who_it_was(counted):
    assert counted.ok is False
    assert counted.with_any(*NOT_FOUND) == sorted(HALF)
    assert counted.with_any(*LEFT) == sorted(SILENT)
    told = " ".join(counted.problems)
    assert all(name in told for name in (*HALF, *SILENT, ROUTER))


def test_the_pulls_that_failed_are_in_the_logs(counted):
    assert counted.of("pull_retry", container="old-ollama-2") > 0
    assert counted.of("pull_stall", container="old-ollama-3") > 0
    assert counted.of("pull_retry", container="old-ollama-1") == 0


@pytest.fixture(scope="module")
def asked(lab, counted):
    """What `verify` does with the instances of a fleet: here the servers are somebody else's, and given."""
    servers = [{"name": name, "url": f"http://127.0.0.1:{port}"} for name, port in PORTS.items()]
    return lab.module("probe", servers=servers, models=list(MODELS), deadline=5, on_failure="report")


def test_asking_each_with_each_names_exactly_those_that_do_not_serve(asked, record):
    wrong = {
        (server["server"], model["name"]): model["kind"]
        for server in asked["results"]
        for model in server["models"]
        if model["kind"] and model["kind"] != "not_asked"
    }
    assert wrong == {
        **{pair: "not_listed" for pair in HALF.items()},
        **{pair: "no_answer" for pair in SILENT.items()},
    }
    record("before", "verify", {"pairs": 24, "failed": [f"{name} {model}" for name, model in sorted(wrong)]})


def test_reading_the_store_names_the_bytes_that_no_answer_tells(lab, asked, record):
    found = lab.module("digest_check", path=store_of(WRONG), mode="full", on_damage="report")
    assert found["ok"] is False
    assert {model for one in found["findings"] for model in one["models"]} == {LLAVA}, found["findings"]
    assert lab.module("digest_check", path=store_of("old-ollama-1"), mode="full")["findings"] == []
    answer = lab.api(PORTS[WRONG], "/api/generate", {"model": LLAVA, "prompt": "Hello", "stream": False})
    assert answer["done"] is True
    record("before", "store", {"damaged": [f"{WRONG} {LLAVA}"]})


def test_a_load_test_sees_no_failure_and_says_what_was_masked(lab, asked, record):
    then = stats(lab)
    run, report = load_test(lab)
    hidden = stats(lab)
    assert (report["summary"]["requests"] > 50, report["summary"]["failed"]) == (True, 0)
    masked = {row["class"]: row["masked"] for row in report["hosts"][0]["consumers"]}
    for name, pattern in SAID.items():
        assert 0 < masked[pattern] <= hidden[name] - then[name], (masked, hidden, then)
    run.failed("masked", ROUTER)
    record("before", "load", {name: report["summary"][name] for name in ("requests", "failed", "masked")})


def test_the_playbook_verify_does_not_take_them_for_the_declared_fleet(lab):
    lab.run("verify").failed(*(f"ollama-server-{number} does not exist" for number in range(1, 9)))
