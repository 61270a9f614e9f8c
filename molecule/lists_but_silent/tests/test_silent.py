# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: an instance falls silent for one model, `verify` says so in time, and is green afterwards."""

from __future__ import annotations

import pytest
from lab import wait_until

DEADLINE = 6
SICK, MODEL, OTHER = "ollama-server-2", "llava:7b", "nomic-embed-text:v1.5"
SICK_PORT = 11435


@pytest.fixture(scope="module")
def silent_run(lab):
    lab.api(SICK_PORT, "/practice/faults", {"hang_generate": {"model": MODEL, "seconds": 0}}, method="PUT")
    return lab.run("verify", corral_verify_level="deep", verify_deadline=DEADLINE)


@pytest.fixture(scope="module")
def entries(lab, silent_run):
    assert lab.fleet["ok"] is False
    return {entry["name"]: {model["name"]: model for model in entry["models"]} for entry in lab.fleet["instances"]}


def test_the_model_is_listed_all_the_while(lab, silent_run):
    assert MODEL in [model["name"] for model in lab.api(SICK_PORT, "/api/tags")["models"]]


def test_verify_fails_and_names_host_instance_and_model(lab, silent_run):
    message = silent_run.failed(SICK, MODEL, lab.container)
    assert f"within {DEADLINE} s" in message
    assert "ollama-server-1" not in message


def test_within_its_deadline(entries):
    """One deadline, not one for each model: what was left unasked took no time."""
    assert sum(model["seconds"] for model in entries[SICK].values()) < DEADLINE + 5


def test_the_report_says_which_and_what_was_left_unasked(entries):
    assert entries[SICK][MODEL]["listed"] is True
    assert entries[SICK][MODEL]["answered"] is False
    assert entries[SICK][MODEL]["problem"]
    assert "was not asked" in entries[SICK][OTHER]["problem"]


def test_the_other_instance_is_proven_in_the_same_run(entries):
    assert [model["answered"] for model in entries["ollama-server-1"].values()] == [True, True]


def test_a_failed_answer_is_not_remembered_as_a_proof(lab, silent_run):
    """Without `deep` the next run must ask again what did not answer. It still hangs, so it still fails."""
    lab.run("verify", verify_deadline=2).failed(SICK, MODEL)


def test_green_when_it_answers_again(lab, silent_run):
    lab.api(SICK_PORT, "/practice/faults", {}, method="PUT")
    lab.run("verify").ok()
    assert lab.fleet["ok"] is True
    assert lab.fleet["problems"] == []
    # what its log kept of the silence was told while it was new
    assert [one for one in lab.fleet["findings"] if one["severity"] == "problem"] == []


def test_an_end_in_between_is_told_once_and_named(lab):
    """The server ends by itself, the engine starts it again, and it serves: only the engine knows."""
    lab.api(SICK_PORT, "/practice/faults", {"crash": {"route": "/api/ps"}}, method="PUT")
    assert not _answers(lab, "/api/ps")  # it ends in the middle of the answer
    wait_until(lambda: lab.inspect(f"ollama-{SICK}")["RestartCount"] == 1, 60, "the engine to start it again")
    wait_until(lambda: _answers(lab), 60, "it to answer")
    message = lab.run("verify").failed(SICK, lab.container)
    assert "its server ended by itself once" in message
    assert "ollama-server-1" not in message
    assert [(one["check"], one["instance"]) for one in lab.fleet["findings"] if one["severity"] == "problem"] == [
        ("restarts", SICK)
    ]
    lab.run("verify").ok()


def _answers(lab, path: str = "/api/version") -> bool:
    try:
        return bool(lab.api(SICK_PORT, path))
    except AssertionError:
        return False
