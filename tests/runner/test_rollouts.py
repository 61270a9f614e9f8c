# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments and rollouts are cancelled and launched again, and a verification decides which template comes next."""

from __future__ import annotations

import pytest
from tower import done, starts


@pytest.mark.parametrize("where", ["Wait for the puller", "Pull, hash and publish"])
def test_a_deployment_is_cancelled(tower, where):
    job = tower.launch("deploy", kill_at=starts(where))
    assert (job.status, job.artifacts) == ("canceled", {})


def test_the_next_launch_finishes_what_was_cancelled(tower):
    done(tower.launch("deploy", corral_max_unavailable=1))
    report = done(tower.launch("verify", corral_verify_level="deep", verify_evict="true")).artifacts["corral_fleet"]
    assert (report["ok"], report["instances_ok"], report["checks"]) == (True, 2, {})


def test_a_rollout_is_cancelled_and_the_next_launch_finishes_it(tower):
    """Compose works on when the controller is gone; what was drained is put back by the next job."""
    answers = {"corral_force": "true", "corral_canary": 1, "corral_failure_action": "rollback"}
    cancelled = tower.launch("rolling_restart", kill_at=starts("Make its containers anew"), **answers)
    assert cancelled.status == "canceled"
    rolled = done(tower.launch("rolling_restart", corral_only=["ollama-server-2"], **answers)).artifacts
    assert rolled["corral_fleet"]["ok"] is True
    done(tower.launch("rolling_rollback", corral_drain_timeout=60))


def test_a_verification_that_fails_decides_what_comes_next(tower):
    """As in the workflow: the artifacts of a job that failed are extra variables of those after it."""
    blob = max((tower.store / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    blob.write_bytes(blob.read_bytes()[:-1] + b"\x00")
    scrubbed = tower.launch("scrub", scrub_mode="full", scrub_part="", scrub_bytes_per_second=0, scrub_fail="true")
    assert (scrubbed.status, scrubbed.artifacts["corral_scrub"]["runner"]["ok"]) == ("failed", False)
    verified = tower.launch("verify", **scrubbed.artifacts)
    assert verified.status == "failed"
    checks = verified.artifacts["corral_fleet"]["checks"]
    assert checks["store"]["problem"] == 1
    following = {"store": "repair", "restarts": "rolling_restart"}
    chosen = [following[check] for check in checks if check in following]
    assert chosen == ["repair"]
    done(tower.launch(chosen[0], repair_mode="incremental", repair_restart="true", **verified.artifacts))
    assert done(tower.launch("verify", verify_fail="true")).artifacts["corral_fleet"]["checks"] == {}


def test_what_awx_kept(tower):
    tower.check_what_is_kept()
