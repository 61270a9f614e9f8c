# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing after another goes away in the middle of a roll. What comes of it is a state that the next run finishes;
requests fail only where no gateway could have saved them."""

from __future__ import annotations

import time

import pytest
from corral_practice.front import Front
from damaging import expire_lease
from lab import STORE, puller_settings, wait_until
from rolls import (
    GATEWAY,
    Traffic,
    Unhurried,
    container_gone,
    kill,
    more_told,
    record,
    running,
    seen,
    serves,
    states,
    until,
)

ONE, TWO, THREE = NAMES = ["ollama-server-1", "ollama-server-2", "ollama-server-3"]
CHAT, MOVES, EMBEDS = "outages-chat:1b", "outages-moves:1b", "nomic-embed-text:v1.5"
REGISTRY = "-p tcp --dport 443 -j REJECT --reject-with tcp-reset"
STATE = "/var/lib/corral"
PORTS = (11434, 11435, 11436)
MANIFEST = f"{STORE}/manifests/registry.ollama.ai/library/{MOVES.replace(':', '/')}"


def wish(number):
    return {"corral_environment": {"OLLAMA_NUM_PARALLEL": "8", "ROUND": str(number)}}


def rounds(lab):
    found = running(lab)
    return [next((line[6:] for line in found[name]["env"] if line.startswith("ROUND=")), "") for name in NAMES]


@pytest.fixture
def load(lab):
    with Traffic(lab, {CHAT: "chat", MOVES: "chat", EMBEDS: "embed"}) as traffic:
        yield traffic


@pytest.fixture
def other_load(lab):
    """Nobody asks for the model that moves: a request would have an instance load its new version."""
    with Traffic(lab, {CHAT: "chat", EMBEDS: "embed"}) as traffic:
        yield traffic


def told(run, words):
    """It failed, and said why; the way back may have failed of the same."""
    return run.rc != 0 and [event["msg"] for event in run.failures if words in str(event["msg"]).lower()]


def finished(lab, number, playbook="rolling_restart"):
    """A run that nothing disturbs ends with the change made everywhere; what died holds its lease for some seconds."""
    run = lab.run(playbook, corral_lease_wait=30, **wish(number)).ok()
    assert rounds(lab) == [str(number)] * 3
    assert set(states(lab).values()) == {"done"}
    serves(lab, **wish(number))
    return run


def test_the_instance_that_is_being_drained(lab, load):
    """Its streams are lost with it, and nothing else; the roll does not wait for what will never end."""
    more = more_told(lab)
    process = lab.start("rolling_restart", **wish(1))
    until(lab, process, more, "the rollout to begin")
    busy = Unhurried(lab, CHAT, seconds=20)
    seen(lab, process, "draining", name=ONE)
    lab.docker("kill", f"ollama-{ONE}")
    lab.finish(process).ok()
    assert rounds(lab) == ["1", "1", "1"]
    serves(lab, **wish(1))
    assert 1 <= len(busy.answers()) <= 4
    assert {failure.instance for failure in load.failures()} <= {ONE}


def test_the_gateway_dies_and_comes_back(lab, load):
    """It remembers who was drained: an instance that is being made anew gets nothing."""
    gone = container_gone(lab, ONE)
    process = lab.start("rolling_restart", **wish(2))
    until(lab, process, gone, "the first container to be made anew")
    lab.sh(f"kill -9 $(docker inspect -f '{{{{.State.Pid}}}}' {GATEWAY})")
    died = time.time()
    lab.finish(process).ok()
    assert rounds(lab) == ["2", "2", "2"]
    serves(lab, **wish(2))
    for failure in load.failures():
        assert failure.began < died + 5, failure
        assert failure.ended > died - 1, failure


def test_the_gateway_dies_and_stays_away(lab):
    gone = container_gone(lab, ONE)
    process = lab.start("rolling_restart", **wish(3))
    until(lab, process, gone, "the first container to be made anew")
    lab.docker("kill", GATEWAY)
    assert told(lab.finish(process), "gateway")
    finished(lab, 3, playbook="deploy")


def test_the_engine_dies(lab):
    gone = container_gone(lab, TWO)
    process = lab.start("rolling_restart", **wish(4))
    until(lab, process, gone, "the second container to be made anew")
    lab.sh("kill -9 $(pidof dockerd)")
    lab.finish(process)
    # Those that it did not just remove come back by themselves.
    back = {GATEWAY, f"ollama-{ONE}", f"ollama-{THREE}"}
    wait_until(lambda: back <= set(lab.sh("docker ps --format '{{.Names}}' 2>/dev/null").split()), 120, "the engine")
    again = lab.run("rolling_restart", corral_lease_wait=30, **wish(4))
    if again.rc != 0:
        # Killed while it removed a container, the engine may hold the port of that one: only its restart lets go of it.
        again.failed("11435", "held by Docker itself", "systemctl restart docker")
        lab.sh("systemctl restart docker")
    finished(lab, 4)


def test_the_disk_of_the_record_is_full(lab, load):
    process = lab.start("rolling_restart", **wish(5))
    try:
        seen(lab, process, "done", name=ONE)
        lab.sh(f"dd if=/dev/zero of={STATE}/ballast bs=64k 2>/dev/null", check=False)
        run = lab.finish(process)
    finally:
        lab.sh(f"rm -f {STATE}/ballast")
    assert told(run, "no space")
    assert record(lab)["before"]
    finished(lab, 5)
    load.fine()


def test_the_disk_of_the_engine_is_full(lab, load):
    """The file system of the engine is as large as what is in it."""
    process = lab.start("rolling_restart", **wish(6))
    try:
        seen(lab, process, "draining", name=TWO)
        lab.sh("mount -o remount,size=$(($(df --output=used -k /var/lib/docker | tail -1) + 8))k /var/lib/docker")
        run = lab.finish(process)
    finally:
        lab.sh("mount -o remount,size=50% /var/lib/docker")
    assert run.rc != 0, run.output[-3000:]
    finished(lab, 6)
    load.fine()


def test_the_registry_is_gone_within_an_update_of_a_model(lab, load):
    registry = Front().registry
    first, second = (registry.digest(f"outages-moves:{name}") for name in ("first", "second"))
    registry.move_tag(MOVES, "outages-moves:second")
    process = lab.start("update_models", models_retries=0, **wish(6), **puller_settings(slow_pull={"rate": 20_000}))
    try:
        until(lab, process, "while ! docker ps | grep -q pull; do sleep 0.1; done", "the puller")
        lab.sh(f"iptables -I FORWARD {REGISTRY}; iptables -I OUTPUT {REGISTRY}")
        lab.finish(process).failed(MOVES)
    finally:
        lab.sh(f"iptables -D FORWARD {REGISTRY}; iptables -D OUTPUT {REGISTRY}", check=False)
    listed = [lab.api(port, "/api/tags")["models"] for port in PORTS]
    assert [row["digest"] for models in listed for row in models if row["name"] == MOVES] == [first] * 3
    lab.run("update_models", **wish(6)).ok()
    listed = [lab.api(port, "/api/tags")["models"] for port in PORTS]
    assert [row["digest"] for models in listed for row in models if row["name"] == MOVES] == [second] * 3
    serves(lab, **wish(6))
    load.fine()


def in_memory(lab):
    """The digests at which the instances have the model that moves in memory."""
    rows = [row for port in PORTS for row in lab.api(port, "/api/ps")["models"] if row["name"] == MOVES]
    return [row["digest"] for row in rows]


def test_an_update_of_a_model_is_killed_when_it_has_published(lab, other_load):
    """The store has the new version, and memory the old one, until the next run."""
    registry = Front().registry
    third = registry.digest("outages-moves:third")
    for port in PORTS:
        lab.api(port, "/api/generate", {"model": MOVES, "keep_alive": -1})
    before = in_memory(lab)
    assert before == [before[0]] * 3 != [third] * 3
    registry.move_tag(MOVES, "outages-moves:third")
    process = lab.start("update_models", **wish(6))
    until(
        lab, process, f'while [ "$(sha256sum <{MANIFEST})" = "{before[0]}  -" ]; do sleep 0.01; done', "the new version"
    )
    kill(lab, process)
    expire_lease(lab)
    assert in_memory(lab) == before
    lab.run("update_models", **wish(6)).ok()
    assert in_memory(lab) == [third] * 3
    serves(lab, **wish(6))
    assert lab.run("update_models", **wish(6)).ok().changed == []
    other_load.fine()


def test_two_at_once(lab, load):
    """The second is told who is at it; or it waits, and finds nothing left to do."""
    process = lab.start("rolling_restart", **wish(7))
    seen(lab, process, "draining", "drained", "changing", "admitting", name=ONE)
    refused = lab.start("rolling_restart", **wish(8))
    waits = lab.start("rolling_restart", corral_lease_wait=120, **wish(7))
    message = lab.finish(refused).failed("rollout", "since", record(lab)["owner"])
    assert time.strftime("%Y-%m-%d", time.gmtime()) in message
    lab.finish(process).ok()
    after = running(lab)
    lab.finish(waits).ok()
    assert running(lab) == after
    assert rounds(lab) == ["7", "7", "7"]
    serves(lab, **wish(7))
    load.fine()
