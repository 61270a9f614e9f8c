# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last file of the scenario: fewer instances, and none. Teardown keeps the store, unless it is told to remove it.
In between, two instances with models that are declared resident."""

from __future__ import annotations

from lab import blob_names, manifests

RESIDENT, EMBEDS = "codellama:7b", "nomic-embed-text:v1.5"
TWO = {
    "corral_instance_count": 2,
    "corral_residents": [RESIDENT, {"name": EMBEDS, "instances": ["ollama-server-2"], "keep_alive": "1h"}],
}


def in_memory(lab, port):
    """When each model leaves."""
    return {model["name"]: model["expires_at"] for model in lab.api(port, "/api/ps")["models"]}


def test_fewer_instances_leave_one_after_the_other(lab):
    """Those that have left are not waited for by the next that leaves."""
    run = lab.run("deploy", corral_instance_count=5).ok()
    assert lab.containers() == ["ollama-gateway", *(f"ollama-ollama-server-{number}" for number in range(1, 6))]
    ended = [event["at"] for event in run.of("changed") if "Remove the containers that are to go" in event["task"]]
    assert len(ended) == 3


def test_teardown_keeps_the_store(lab):
    before = (blob_names(lab), sorted(manifests(lab)))
    lab.run("teardown").ok()
    assert lab.containers() == []
    assert (blob_names(lab), sorted(manifests(lab))) == before


def test_a_kept_store_spares_the_next_deploy_every_pull(lab):
    """No puller: the models are there. Two instances are enough to see it."""
    run = lab.run("site", **TWO).ok()
    assert [task for task in run.changed if "pull" in task.lower()] == []
    assert [entry["ok"] for entry in lab.fleet["instances"]] == [True, True]
    assert in_memory(lab, 11434)[RESIDENT][:2] == in_memory(lab, 11435)[RESIDENT][:2] == "23", "for ever"
    assert EMBEDS in in_memory(lab, 11435)


def test_a_resident_that_has_gone_is_seen_and_comes_back(lab):
    lab.api(11434, "/api/generate", {"model": RESIDENT, "keep_alive": 0})
    assert RESIDENT not in in_memory(lab, 11434)
    lab.run("status", **TWO).ok()
    gone = [found for found in lab.fleet["findings"] if found["check"] == "evicted"]
    assert [(found["instance"], found["model"]) for found in gone] == [("ollama-server-1", RESIDENT)]
    lab.run("prewarm", **TWO).ok()
    assert in_memory(lab, 11434)[RESIDENT].startswith("23")


def test_a_restarted_instance_has_its_residents_again(lab):
    lab.api(11435, "/api/generate", {"model": RESIDENT, "keep_alive": 0})
    quick = {"corral_min_healthy_time": 1, "corral_canary_healthy_time": 1}
    lab.run("rolling_restart", corral_force=True, corral_only=["ollama-server-2"], **quick, **TWO).ok()
    assert in_memory(lab, 11435)[RESIDENT].startswith("23")


def test_teardown_removes_the_store_when_told_to(lab):
    lab.run("teardown", corral_remove_store=True).ok()
    assert lab.containers() == []
    assert lab.docker("volume", "ls", "-q") == ""
    assert lab.sh("ls -A /opt/corral/ollama /var/lib/corral 2>/dev/null || true").split("\n") == [""]
