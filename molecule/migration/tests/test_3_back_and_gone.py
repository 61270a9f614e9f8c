# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back to the old containers, there again, and then the old ones go for good; each killed once on its way."""

from __future__ import annotations

import json

from damaging import expire_lease
from lab import STORE, blob_names, wait_until
from old import LLAMA, LLAVA, OLD, VOLUMES, ids, noted, policies, record


def kill_in(lab, playbook, phase):
    process = lab.start(playbook)
    try:
        wait_until(lambda: record(lab).get("phase") == phase or process.poll() is not None, 300, phase)
        assert process.poll() is None, lab.finish(process).output[-4000:]
    finally:
        lab.kill(process)
        process.wait()
    expire_lease(lab)


def test_a_rollback_that_is_killed_is_finished_by_the_next(lab):
    before, then = noted(lab), [row["id"] for row in record(lab)["containers"]]
    blobs = blob_names(lab)
    kill_in(lab, "migrate_rollback", "rolling_back")
    lab.run("migrate_rollback").ok()
    assert record(lab)["phase"] == "rolled_back"
    assert ids(lab) == then
    assert policies(lab) == before
    assert [name for name in lab.containers() if name.startswith("ollama-")] == []
    assert blob_names(lab) == blobs
    assert "ollama_data_8" in lab.docker("volume", "ls", "-q").split()


def test_the_old_containers_answer_again(lab):
    for model in (LLAMA, LLAVA):
        answer = lab.api(11434, "/api/generate", {"model": model, "prompt": "Hello", "stream": False})
        assert answer["response"]
    assert lab.run("migrate_rollback").ok().changed == []


def test_reclaim_is_refused_after_a_rollback(lab):
    # the fleet is gone, so the proof fails first
    lab.run("migrate_reclaim").failed("ollama-server-1")


def test_after_a_rollback_migrate_works_again(lab):
    lab.run("migrate").ok()
    assert record(lab)["phase"] == "verified"
    assert set(policies(lab).values()) == {("no", 0, False)}
    assert lab.fleet["summary"]["instances_ok"] == 8


def test_a_dry_run_lists_what_reclaim_removes(lab):
    run = lab.run("migrate_reclaim", _check=True).ok()
    said = " ".join(run.output.split())
    assert f"Containers: {', '.join(OLD)}" in said
    assert f"Volumes: {', '.join(VOLUMES)}" in said
    assert record(lab)["phase"] == "verified"
    assert set(OLD) <= set(lab.containers())


def test_a_volume_that_somebody_else_uses_is_not_taken_away(lab):
    lab.docker("create", "--name", "backup", "-v", "old_7:/backup:ro", "corral-practice/ollama:0.32.15-practice")
    lab.run("migrate_reclaim").failed("backup", "old_7")
    assert record(lab)["phase"] == "verified"
    lab.docker("rm", "backup")


def test_reclaim_killed_and_run_again_removes_the_old_layout_and_nothing_else(lab):
    others = set(lab.docker("volume", "ls", "-q").split()) - set(VOLUMES)
    kill_in(lab, "migrate_reclaim", "reclaiming")
    lab.run("migrate_rollback").failed("reclaiming", "migrate_reclaim")
    run = lab.run("migrate_reclaim").ok()
    assert record(lab)["phase"] == "reclaimed"
    assert [name for name in lab.containers() if name in OLD] == []
    assert set(lab.docker("volume", "ls", "-q").split()) == others
    assert "freed by removing" in run.output


def test_the_fleet_still_serves(lab):
    run = lab.run("migrate_reclaim").ok()
    assert [task for task in run.changed if "Prove" not in task] == []
    assert lab.run("migrate").ok().changed == []
    assert lab.fleet["ok"] is True
    done = lab.module("digest_check", path=STORE, mode="full")
    assert done["findings"] == []
    assert json.loads((lab.ephemeral / "artifacts" / "migration.json").read_text())["hosts"][0]["phase"] == "reclaimed"
