# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last file of the scenario: teardown keeps the store, unless it is told to remove it."""

from __future__ import annotations

from lab import blob_names, manifests


def test_teardown_keeps_the_store(lab):
    before = (blob_names(lab), sorted(manifests(lab)))
    lab.run("teardown").ok()
    assert lab.containers() == []
    assert (blob_names(lab), sorted(manifests(lab))) == before


def test_a_kept_store_spares_the_next_deploy_every_pull(lab):
    """No puller: the models are there. Two instances are enough to see it."""
    run = lab.run("site", corral_instance_count=2).ok()
    assert [task for task in run.changed if "pull" in task.lower()] == []
    assert [entry["ok"] for entry in lab.fleet["instances"]] == [True, True]


def test_teardown_removes_the_store_when_told_to(lab):
    lab.run("teardown", corral_remove_store=True).ok()
    assert lab.containers() == []
    assert lab.docker("volume", "ls", "-q") == ""
    assert lab.sh("ls -A /opt/corral/ollama /var/lib/corral 2>/dev/null || true").split("\n") == [""]
