# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's own three runs: check mode predicted, converge did, the second run did nothing and started nothing."""

from __future__ import annotations

import pytest
from lab import converges, manifests, served


@pytest.fixture(scope="module")
def runs(lab):
    found = converges(lab.ephemeral)[-3:]
    assert [run[0]["check"] for run in found] == [True, False, False]
    return found


def changed(run):
    return [event["task"] for event in run if event["event"] == "changed"]


def roles(run):
    return sorted({task.partition(" : ")[0] for task in changed(run)})


def pulls(run):
    """What the task that publishes models said of the store before and after."""
    return [e["diff"] for e in run if e["event"] == "changed" and e["action"] == "corral.ollama.store_model"]


def test_check_mode_named_every_role_that_then_changed_something(runs):
    """On a host with nothing of ours a check cannot go through each step: no container, no volume to look at."""
    named = [f"corral.ollama.{role}" for role in ("gateway", "image", "instances", "model_store", "models")]
    assert roles(runs[1]) == named
    # Which images the instances run is noted once they run, and there is no instance yet.
    assert roles(runs[0]) == [role for role in named if role != "corral.ollama.image"]


def test_check_mode_named_the_models_by_the_digests_that_they_then_had(runs):
    assert pulls(runs[0]) == pulls(runs[1])
    assert len(pulls(runs[1])) == 1


def test_the_second_run_changed_and_started_nothing(lab, runs):
    assert changed(runs[2]) == []
    since, until = runs[2][0]["at"], runs[2][-1]["at"]
    window = ["--since", f"{since:.3f}", "--until", f"{until:.3f}", "--filter", "type=container"]
    events = lab.docker("events", *window, "--format", "{{.Action}} {{.Actor.Attributes.name}}").splitlines()
    assert [event for event in events if event.split()[0] in ("create", "start", "restart", "stop", "die")] == []


def test_each_blob_crossed_the_wire_once(lab, runs):
    """Two models share licences: what one model brought, the next one took from the store."""
    entries = [e for m in manifests(lab).values() for e in [m["config"], *m["layers"]]]
    sizes = {entry["digest"].removeprefix("sha256:"): entry["size"] for entry in entries}
    assert served(lab, since=runs[0][0]["at"]) == sizes
