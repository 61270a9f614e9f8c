# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before anything is changed: what is refused, and what a check says."""

from __future__ import annotations

import pytest
from old import OLD, files, policies, snapshot


@pytest.fixture(autouse=True)
def nothing_changes(lab):
    before = snapshot(lab)
    yield
    assert snapshot(lab) == before


def test_the_old_layout_is_what_people_have(lab):
    assert policies(lab)["old-ollama-7"] == ("always", 0, True)
    assert policies(lab)["old-ollama-8"] == ("on-failure", 3, True)
    assert policies(lab)["old-ollama-6"] == ("unless-stopped", 0, False)
    assert len(files(lab)) > 30


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        # making a project of that name would take the old containers for its own
        ({"corral_project": "tsa"}, ["old-ollama-1 belongs to the Compose project tsa", "corral_project"]),
        ({"corral_legacy_containers": ["old-ollama-9"]}, ["There is no container old-ollama-9"]),
        ({"corral_migration_policy": "fail"}, ["llava:7b", "different contents", "policy"]),
    ],
)
def test_what_would_do_harm_is_refused(lab, variables, words):
    lab.run("migrate", **variables).failed(*words)


def test_reclaim_and_rollback_of_nothing_are_refused(lab):
    lab.run("migrate_rollback").failed("was never begun", "playbook migrate")


def test_a_check_shows_the_plan(lab):
    run = lab.run("migrate", _check=True).ok()
    for text in (
        "8 old containers would be stopped: " + ", ".join(OLD),
        "Models to publish: acme/finetune:latest, llama3.2:3b, llava:7b",
        "To be pulled afterwards: nomic-embed-text:v1.5",
        "as a run would do it",
        "llava:7b (newest)",
    ):
        assert text in " ".join(run.output.split()), text
    stopped = [task for task in run.changed if "Stop the old containers" in task]
    assert stopped, run.changed
