# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease as users meet it: refused, waited for, taken over from the dead, and two runs at once."""

from __future__ import annotations

import time

import pytest
from damaging import expire_lease
from lab import STORE, blob_names, bytes_in_staging, manifests, puller_settings, wait_until

OLD, NEW, THIRD = "nomic-embed-text:v1.5", "llava:7b", "llama3.2:3b"
IMAGE = "corral-practice/ollama:0.32.15-practice"


def hold(lab, ttl):
    result = lab.module("store_lease", path=STORE, state="held", owner="night-shift", job="4711", ttl=ttl)
    assert not result.get("failed"), result
    return result["lease"]["token"]


def release(lab, token):
    lab.module("store_lease", path=STORE, state="released", token=token)


def created_pullers(lab, since):
    window = ["--since", f"{since:.3f}", "--until", f"{time.time():.3f}", "--filter", "event=create"]
    names = lab.docker("events", *window, "--format", "{{.Actor.Attributes.name}}").split()
    return [name for name in names if "pull" in name]


def pullers(lab):
    return [name for name in lab.containers() if "pull" in name]


def models(lab):
    return sorted(":".join(path.split("/")[-2:]) for path in manifests(lab))


@pytest.fixture
def held(lab):
    token = hold(lab, 600)
    yield token
    release(lab, token)


def test_refused_with_who_has_it_since_when(lab, held):
    before, since = lab.snapshot(), time.time()
    message = lab.run("site", corral_models=[OLD, NEW]).failed("night-shift", "4711", "since")
    assert time.strftime("%Y-%m-%d", time.gmtime()) in message
    assert created_pullers(lab, since) == []
    assert lab.snapshot() == before


def test_a_run_with_nothing_to_pull_needs_no_lease(lab, held):
    assert lab.run("site").ok().changed == []


def test_waits_when_asked_to(lab):
    token = hold(lab, 600)
    process = lab.start("site", corral_models=[OLD, NEW], corral_lease_wait=120)
    time.sleep(15)
    assert process.poll() is None
    assert models(lab) == [OLD]
    release(lab, token)
    lab.finish(process).ok()
    assert models(lab) == [NEW, OLD]


def test_takes_over_what_a_dead_job_left(lab):
    """Its lease has expired; its puller still runs and has half a model."""
    slow = puller_settings(slow_pull={"rate": 1_000_000})
    process = lab.start("site", corral_models=[OLD, NEW, THIRD], **slow)

    def half():
        return pullers(lab) and bytes_in_staging(lab) > 0

    wait_until(lambda: half() or process.poll() is not None, 120, "half a model")
    assert process.poll() is None, lab.finish(process).output[-3000:]
    name = pullers(lab)[0]
    lab.kill(process)  # nothing cleans up after itself
    process.wait()
    old = lab.inspect(name)["Id"]
    expire_lease(lab)
    run = lab.run("site", corral_models=[OLD, NEW, THIRD]).ok()
    assert "expired" in run.output or "taken over" in run.output, run.output[-3000:]
    assert models(lab) == [THIRD, NEW, OLD]
    assert old not in lab.docker("ps", "-aq", "--no-trunc")
    assert pullers(lab) == []


def test_two_runs_at_once_end_with_one_having_done_the_work(host, lab):
    lab.run("teardown", corral_remove_store=True).ok()
    lab.run("site", corral_models=[OLD]).ok()
    since = time.time()
    slow = puller_settings(slow_pull={"rate": 10_000_000})
    both = [lab.start("site", corral_models=[OLD, THIRD], corral_lease_wait=120, **slow) for _ in range(2)]
    runs = [lab.finish(process).ok() for process in both]
    assert len(created_pullers(lab, since)) == 1
    assert sorted(any("publish" in task.lower() or "pull" in task.lower() for task in run.changed) for run in runs) == [
        False,
        True,
    ]
    assert models(lab) == [THIRD, OLD]
    assert not host.file(f"{STORE}/.corral.lease").exists
    sums = lab.sh(f"cd {STORE}/blobs && sha256sum {' '.join(blob_names(lab))}").split()
    assert [f"sha256-{digest}" for digest in sums[::2]] == sums[1::2]
