# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every other playbook, as its job template starts it: with the answers as a survey gives them, which are texts for yes
and no, numbers, and lists."""

from __future__ import annotations

from typing import Any

import pytest
from tower import MODELS, PORT, PROJECT, done

DOWN = {"alert": "CorralInstanceDown", "host": "runner", "project": PROJECT, "server": "ollama-server-1"}
#: In this order on one fleet: the playbook, the answers, and what it leaves for the jobs after it.
OTHERS: list[tuple[str, dict[str, Any], str]] = [
    ("status", {"verify_logs": "true"}, "corral_fleet"),
    ("plan", {"plan_fail": "true"}, "corral_plan"),
    ("drift", {"drift_fail": "true"}, "corral_drift"),
    ("update_models", {"model_update_restart": "true", "corral_serial": 1}, "corral_update"),
    ("prewarm", {"prewarm_push_out": "false", "corral_residents": MODELS[1:]}, "corral_prewarm"),
    ("prune", {"prune_apply": "true", "prune_undeclared": "false", "prune_min_age": 0}, "corral_prune"),
    ("bundle_export", {"bundle_path": "{folder}/models.tar"}, ""),
    ("bundle_import", {"bundle_path": "{folder}/models.tar", "bundle_index_digest": ""}, ""),
    ("lock", {"lock_refresh": "false", "lock_prune": "false"}, ""),
    ("load_test", {"load_test_duration": 3, "load_test_rate": 1, "load_test_fail": "true"}, "corral_load"),
    ("respond", {"corral_response_dry_run": "true", "response_alerts": [DOWN]}, "corral_response"),
    ("respond", {"corral_response_dry_run": "false", "response_alerts": [DOWN]}, "corral_response"),
    ("mirror", {"corral_mirror": "true", "corral_mirror_blob_name": "localhost", "corral_mirror_port": PORT - 2}, ""),
    ("mirror", {"corral_mirror": "false", "corral_mirror_blob_name": "localhost"}, ""),
    # Without a service manager there is no exporter to start: tests/monitoring and Molecule have one.
    ("monitoring", {"corral_monitoring": "false", "corral_prometheus": "false"}, ""),
]


def test_there_is_a_fleet(tower):
    done(tower.launch("deploy"))


@pytest.mark.parametrize(("playbook", "answers", "artifact"), OTHERS, ids=[name for name, _, _ in OTHERS])
def test_every_other_job_template(tower, playbook, answers, artifact):
    given = {key: str(v).format(folder=tower.folder) if "{folder}" in str(v) else v for key, v in answers.items()}
    job = done(tower.launch(playbook, **given))
    assert set(job.artifacts) >= ({artifact} if artifact else set())


def test_what_awx_kept(tower):
    tower.check_what_is_kept()
