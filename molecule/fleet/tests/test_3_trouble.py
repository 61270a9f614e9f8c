# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: on one host the engine is restarted, on another the store is damaged, and one cannot be reached.
Each run says which is which. Then two of them can be reached through the third only, and from there all is mended."""

from __future__ import annotations

import time

import pytest
from damaging import flip, started, sums
from fleet import PREFIX, pretty, short
from lab import manifests, served, wait_until, weights_of

IMAGE = {"corral_image": "corral-practice/ollama:0.32.16-practice"}
RESTARTED, DAMAGED, AWAY = "trixie", "bookworm", "forky"
# A host that is gone says nothing, on connections that are open neither; one behind a bastion says no.
SILENT, CLOSED = "-p tcp --dport 22 -j DROP", "-p tcp --dport 22 -j REJECT --reject-with tcp-reset"


@pytest.fixture(scope="module")
def before(fleet):
    return {name: started(lab) for name, lab in fleet.hosts.items()}


@pytest.fixture(scope="module")
def weights(fleet):
    return weights_of(manifests(fleet.hosts[DAMAGED])["registry.ollama.ai/library/llama3.2/3b"])


@pytest.fixture(scope="module")
def scrubbed(fleet, before, weights):
    """The three troubles, and one run over the fleet."""
    fleet.hosts[RESTARTED].sh("systemctl restart docker")
    flip(fleet.hosts[DAMAGED], weights)
    fleet.hosts[AWAY].sh(f"iptables -I INPUT {SILENT}")
    return fleet.run("scrub", scrub_mode="full", **IMAGE)


def test_the_run_fails_where_something_is_wrong_and_nowhere_else(scrubbed, weights):
    assert scrubbed.rc != 0
    assert {short(event["host"]) for event in scrubbed.of("unreachable")} == {AWAY}
    (failure,) = scrubbed.of("failed")
    assert short(failure["host"]) == DAMAGED
    missing = [word for word in ("llama3.2:3b", weights[:12], "corral.ollama.repair") if word not in failure["msg"]]
    assert missing == [], failure["msg"]
    recap = scrubbed.of("stats")[0]["hosts"][f"{PREFIX}{RESTARTED}"]
    assert (recap["failures"], recap["unreachable"]) == (0, 0)


def test_the_report_says_which_is_which(fleet, scrubbed):
    report, found = fleet.report, fleet.by_host()
    assert report["ok"] is False
    assert [entry["ok"] for entry in found[RESTARTED]] == [True, True]
    told = {name: [problem for problem in report["problems"] if name in problem] for name in (DAMAGED, AWAY, RESTARTED)}
    assert told[RESTARTED] == [], pretty(told)
    assert any("damaged" in problem for problem in told[DAMAGED]), pretty(report["problems"])
    assert any("not" in problem for problem in told[AWAY]), pretty(report["problems"])


def test_a_restarted_engine_has_its_instances_again(fleet, scrubbed, before):
    lab = fleet.hosts[RESTARTED]
    wait_until(lambda: len(lab.containers(running_only=True)) == 2, 60, "both instances")
    now = started(lab)
    assert all(now[name] > then for name, then in before[RESTARTED].items())


def test_the_others_were_left_alone(fleet, scrubbed, before):
    for name in (DAMAGED, AWAY):
        assert started(fleet.hosts[name]) == before[name]


@pytest.fixture(scope="module")
def bastion(fleet, scrubbed):
    """Variables of a run that goes by the bastion; the hosts behind it let nobody else in."""
    gate = fleet.hosts[RESTARTED].address
    for name in (DAMAGED, AWAY):
        lab = fleet.hosts[name]
        lab.sh(f"iptables -D INPUT {SILENT} 2>/dev/null; iptables -I INPUT ! -s {gate} {CLOSED}")
        assert fleet.ssh(name).returncode == 255, "there is no other way"
        assert fleet.ssh(name, "ssh_config_bastion").returncode == 0, fleet.ssh(name, "ssh_config_bastion").stderr
    folder = fleet.hosts[RESTARTED].ephemeral
    # Connections are kept open under the name of the host, whatever way they took.
    return {
        "ansible_ssh_common_args": f"-F {folder}/ssh_config_bastion",
        "ansible_control_path_dir": str(folder / "jumps"),
        **IMAGE,
    }


def test_a_repair_mends_the_damaged_host_and_touches_no_other(fleet, bastion, before, weights):
    since, good = time.time(), {name: started(fleet.hosts[name]) for name in (RESTARTED, AWAY)}
    whole = sums(fleet.hosts[AWAY])
    size = next(
        layer["size"]
        for layer in manifests(fleet.hosts[AWAY])["registry.ollama.ai/library/llama3.2/3b"]["layers"]
        if layer["digest"].endswith(weights)
    )
    fleet.run("repair", **bastion).ok()
    assert sums(fleet.hosts[DAMAGED]) == whole
    assert served(fleet.hosts[DAMAGED], since) == {weights: size}
    for name, then in good.items():
        assert served(fleet.hosts[name], since) == {}
        assert started(fleet.hosts[name]) == then


def test_through_the_bastion_every_instance_proves_itself(fleet, bastion):
    run = fleet.run("verify", corral_verify_level="deep", **bastion).ok()
    assert run.changed == []
    assert fleet.report["ok"] is True, pretty(fleet.report["problems"])
    assert sorted(fleet.by_host()) == sorted((RESTARTED, DAMAGED, AWAY))
    assert [len(entries) for entries in fleet.by_host().values()] == [2, 2, 2]
