# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job is cancelled while its work goes on unseen on the host; the next launch copes with that. And what AWX keeps."""

from __future__ import annotations

import subprocess
import time

from tower import MODELS, PROJECT, TOKEN, done, says

# The stand-in's own fault: some fifteen seconds for the larger model.
SLOW = {"PRACTICE_FAULTS": '{"slow_pull": {"rate": 300000}}'}
PULL = "change | Pull, hash and publish"


def test_a_cancelled_job_leaves_an_orphan_at_work(tower):
    job = tower.launch("site", kill_at=says(MODELS[0]), corral_puller_environment=SLOW, some_text=TOKEN)
    # As after a SIGKILL: no artifacts, no recap, and nobody let go of the lease.
    assert (job.status, job.artifacts) == ("canceled", {})
    assert not any(event["event"] == "playbook_on_stats" for event in job.events)
    assert tower.lease["job"] == "1"


def test_the_next_launch_waits_for_it_and_goes_on_from_there(tower):
    """While the orphan holds the lease, nothing is changed beside it; what it published is not pulled again."""
    launched = time.time()
    job = done(tower.launch("site"))
    assert tower.lease == {}
    taken = job.seen("runner_on_ok", "Take the lease of the store")[0]["res"]["taken_over"]
    assert taken["job"] == "1"
    assert taken["renewed_at"] > launched, "there was no orphan at work"
    assert job.seen("runner_on_ok", PULL) == []
    assert len(job.seen("runner_on_skipped", PULL)) == 1
    found = ["docker", "ps", "-aq", "--filter", f"name={PROJECT}-puller"]
    assert subprocess.run(found, check=True, capture_output=True, text=True).stdout == "", "the orphan's puller is left"
    report = job.artifacts["corral_fleet"]
    assert (report["ok"], report["instances_ok"], report["checks"]) == (True, 2, {})


def test_again_nothing_is_changed_and_the_report_is_the_same(tower):
    job = done(tower.launch("site", corral_verify_level="fast", verify_max_age=3600))
    assert (job.changed, job.artifacts["corral_fleet"]["ok"]) == (0, True)


def test_a_verification_that_fails_says_in_its_artifacts_what_is_wrong(tower):
    """They are the extra variables of the jobs after it, whether it failed or not."""
    blob = max((tower.store / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    blob.unlink()
    verified = tower.launch("verify")
    assert verified.status == "failed"
    assert verified.artifacts["corral_fleet"]["checks"] == {"serving": {"problem": 1, "warning": 0}}


def test_what_awx_kept(tower):
    tower.check_what_is_kept()
