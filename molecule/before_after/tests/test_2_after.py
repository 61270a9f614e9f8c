# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrated, and the same router with the same clients: nothing failed, and so there is nothing to hide."""

from __future__ import annotations

import json

import pytest
from masked import ASKED, CONSUMERS, LEFT, NOT_FOUND, OLD, ROUTER, SAID, load_test, logged, route, stats, traffic

GATEWAY = "http://127.0.0.1:11433"
COUNTS = ("retried", "not_found", "timeouts", "fallbacks", "failed")


@pytest.fixture(scope="module")
def migrated(lab):
    return lab.run("migrate").ok()


@pytest.fixture(scope="module")
def seen(lab, migrated):
    route(lab, [GATEWAY])
    return traffic(lab)


def test_the_old_servers_are_at_rest(lab, migrated):
    assert not set(lab.containers(running_only=True)) & set(OLD)


def test_clients_and_the_router_see_success_and_it_is_true(lab, seen, record):
    assert dict(seen) == {200: ASKED}
    found = stats(lab)
    assert {name: found[name] for name in COUNTS} == dict.fromkeys(COUNTS, 0)
    record("after", "clients", {"requests": ASKED, "failed": 0})
    record("after", "router", found)


def test_the_logs_count_nothing(lab, seen, record):
    counted = logged(lab)
    assert counted.problems == []
    assert counted.counts[ROUTER] == {}
    assert len(counted.counts) == 9
    assert counted.of(*NOT_FOUND, *LEFT) == 0
    record("after", "consumer", {name: counted.of(pattern, container=ROUTER) for name, pattern in SAID.items()})
    record("after", "logs", {"not_found": counted.of(*NOT_FOUND), "timeouts": counted.of(*LEFT)})


def test_a_load_test_finds_nothing_that_failed_and_nothing_masked(lab, seen, record):
    run, report = load_test(lab)
    run.ok()
    assert report["summary"]["requests"] > 50
    assert (report["summary"]["failed"], report["summary"]["masked"], report["problems"]) == (0, 0, [])
    record("after", "load", {name: report["summary"][name] for name in ("requests", "failed", "masked")})


def test_verify_finds_every_instance_serving_every_model(lab, seen, record):
    lab.run("verify", corral_verify_level="deep", corral_log_consumers=CONSUMERS).ok()
    pairs = [model["answered"] for entry in lab.fleet["instances"] for model in entry["models"]]
    assert (len(pairs), all(pairs), lab.fleet["problems"]) == (24, True, [])
    record("after", "verify", {"pairs": 24, "failed": []})


def test_the_store_is_whole_and_there_once(lab, record):
    found = lab.module("digest_check", path="/var/lib/docker/volumes/ollama_models/_data", mode="full")
    assert (found["ok"], found["findings"]) == (True, [])
    record("after", "store", {"damaged": []})
    room = json.loads((lab.ephemeral / "artifacts" / "migration.json").read_text())["summary"]
    assert room["after_bytes"] < room["before_bytes"] / 5
    record("before", "disk", room["before_bytes"])
    record("after", "disk", room["after_bytes"])
