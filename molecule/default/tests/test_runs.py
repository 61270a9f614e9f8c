# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Molecule's own three runs: check mode predicted, converge did, the second run did nothing and started nothing."""

from __future__ import annotations

import pytest
from lab import converges, manifests


@pytest.fixture(scope="module")
def runs(lab):
    found = converges(lab.ephemeral)[:3]
    assert [run[0]["check"] for run in found] == [True, False, False]
    return found


def changed(run):
    return [event["task"] for event in run if event["event"] == "changed"]


def test_check_mode_predicted_what_converge_changed(runs):
    assert changed(runs[1]) != []
    assert changed(runs[0]) == changed(runs[1])


def test_the_second_run_changed_and_started_nothing(lab, runs):
    assert changed(runs[2]) == []
    since, until = runs[2][0]["at"], runs[2][-1]["at"]
    window = ["--since", f"{since:.3f}", "--until", f"{until:.3f}", "--filter", "type=container"]
    events = lab.docker("events", *window, "--format", "{{.Action}} {{.Actor.Attributes.name}}").splitlines()
    assert [event for event in events if event.split()[0] in ("create", "start", "restart", "stop", "die")] == []


def test_each_blob_crossed_the_wire_once(lab, runs):
    """Two models share licences: what one model brought, the next one took from the store."""
    from corral_practice import front

    entries = [e for m in manifests(lab).values() for e in [m["config"], *m["layers"]]]
    sizes = {entry["digest"].removeprefix("sha256:"): entry["size"] for entry in entries}
    served = front.bytes_served(client=lab.address, since=runs[0][0]["at"])
    assert served == sizes
