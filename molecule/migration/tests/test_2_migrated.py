# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at one step after the other, finished by the next run, and what is there then."""

from __future__ import annotations

import json
import time

import pytest
from damaging import expire_lease
from lab import STORE, blob_names, manifests, served, wait_until, weights_of
from old import FINETUNE, LLAMA, LLAVA, NOMIC, OLD, VOLUMES, files, ids, inodes, noted, policies, record

PATHS = {
    LLAMA: "registry.ollama.ai/library/llama3.2/3b",
    LLAVA: "registry.ollama.ai/library/llava/7b",
    NOMIC: "registry.ollama.ai/library/nomic-embed-text/v1.5",
    FINETUNE: "registry.ollama.ai/acme/finetune/latest",
}
STEPS = {
    "the record is written": lambda lab: record(lab),
    "the merge has begun": lambda lab: lab.sh(f"ls {STORE}/blobs 2>/dev/null | head -1", check=False).strip(),
    "the first new instance runs": lambda lab: "ollama-ollama-server-1" in lab.containers(running_only=True),
}


@pytest.fixture(scope="module")
def before(lab):
    """The old layout; nothing of this may change until it is reclaimed."""
    return {"files": files(lab), "ids": ids(lab), "policies": policies(lab), "began": time.time()}


def used(lab, *roots):
    """Bytes on the disk of the files below, each inode once."""
    script = f"find {' '.join(roots)} -type f -printf '%D:%i %b\\n' 2>/dev/null | sort -u"
    return sum(512 * int(line.split()[1]) for line in lab.sh(script, check=False).splitlines())


@pytest.mark.parametrize("step", STEPS)
def test_killed_when(lab, before, step):
    process = lab.start("migrate")
    try:
        wait_until(lambda: STEPS[step](lab) or process.poll() is not None, 300, step)
        assert process.poll() is None, lab.finish(process).output[-4000:]
    finally:
        lab.kill(process)
        process.wait()
    expire_lease(lab)
    assert files(lab) == before["files"]
    assert ids(lab) == before["ids"]
    assert noted(lab) == before["policies"]


def test_the_next_run_finishes_it(lab, before):
    run = lab.run("migrate").ok()
    assert record(lab)["phase"] == "verified"
    assert lab.fleet["ok"] is True
    assert lab.fleet["summary"]["instances_ok"] == 8
    assert "Migration of 1 host, 8 old stores" in run.output


def test_every_instance_serves_every_model_from_the_shared_store(lab):
    assert lab.fleet["summary"]["models"] == 3
    for port in range(11434, 11442):
        assert sorted(model["name"] for model in lab.api(port, "/api/tags")["models"]) == sorted(PATHS)
    assert sorted(manifests(lab)) == sorted(PATHS.values())
    done = lab.module("digest_check", path=STORE, mode="full")
    assert (done.get("failed"), done["ok"], done["findings"]) == (None, True, [])


def test_no_byte_of_a_blob_was_written_twice(lab, before):
    """What was in an old store is the same file in the new one; what was nowhere whole was pulled, and nothing else."""
    nomic = manifests(lab)[PATHS[NOMIC]]
    pulled = {blob["digest"].replace(":", "-") for blob in (nomic["config"], *nomic["layers"])}
    linked = [name for name in blob_names(lab) if name not in pulled]
    listed = lab.sh(f"cd {STORE}/blobs && stat -c '%n %i' *").splitlines()
    inode = {line.split()[0]: int(line.split()[1]) for line in listed}
    assert [name for name in linked if inode[name] not in inodes(lab)] == []
    assert {f"sha256-{digest}" for digest in served(lab, before["began"])} <= pulled
    space = record(lab)["merge"]["space"]
    assert (space["copied_bytes"], space["reflinked_bytes"]) == (0, 0)


def test_the_newest_of_two_contents_won_and_the_damaged_copies_lost(lab, before):
    merge = record(lab)["merge"]
    (conflict,) = merge["conflicts"]
    assert (conflict["name"], conflict["policy"]) == (LLAVA, "newest")
    assert len({one["digest"] for one in conflict["candidates"]}) == 2
    layers = [layer["mediaType"].rpartition(".")[2] for layer in manifests(lab)[PATHS[LLAVA]]["layers"]]
    assert "license" in layers
    damaged = {row["name"]: row["damaged"] for row in merge["sources"]}
    weights = weights_of(manifests(lab)[PATHS[LLAMA]])
    assert [one["digest"] for one in damaged["old-ollama-3"]] == [weights]
    assert [one["digest"] for one in damaged["old-ollama-7"]] == [weights]
    assert [row["name"] for row in merge["lacking"]] == [NOMIC]


def test_the_figures_are_those_of_the_disk(lab):
    old = [f"/var/lib/docker/volumes/{volume}/_data/models" for volume in VOLUMES]
    report = json.loads((lab.ephemeral / "artifacts" / "migration.json").read_text())
    assert (report["ok"], report["predicted"], report["summary"]["sources"]) == (True, False, 8)
    total = report["summary"]
    assert total["before_bytes"] == pytest.approx(used(lab, STORE, *old), rel=0.02)
    assert total["after_bytes"] == pytest.approx(used(lab, STORE), rel=0.02)
    assert total["saved_bytes"] == total["before_bytes"] - total["after_bytes"] > 0
    (host,) = report["hosts"]
    assert {row["name"] for row in host["sources"]} == set(OLD)
    for row, folder in zip(sorted(host["sources"], key=lambda row: row["name"]), sorted(old), strict=False):
        assert row["saved_bytes"] == row["before_bytes"] - row["after_bytes"], (row, folder)


def test_the_old_layout_is_untouched_and_at_rest(lab, before):
    assert files(lab) == before["files"]
    assert ids(lab) == before["ids"]
    assert set(policies(lab).values()) == {("no", 0, False)}


def test_a_second_run_changes_nothing_and_neither_does_deploy(lab):
    assert lab.run("migrate").ok().changed == []
    assert lab.run("site").ok().changed == []
