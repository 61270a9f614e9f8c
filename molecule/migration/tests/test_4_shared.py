# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old containers that all write to one volume: it becomes the store as it is, by variables alone."""

from __future__ import annotations

import pytest
from lab import STORE, manifests, weights_of
from old import LLAVA, NOMIC

IMAGE = "corral-practice/ollama:0.32.15-practice"
VOLUME = "technical-service-assistant_ollama_models"
ADOPTED = f"/var/lib/docker/volumes/{VOLUME}/_data"
SETTINGS = {
    "corral_project": "adopted",
    "corral_store_volume": VOLUME,
    "corral_adopt_store": True,
    "corral_legacy_containers": ["shared-1", "shared-2"],
    "corral_instance_count": 2,
    "corral_base_port": 12434,
    "corral_models": [LLAVA, NOMIC],
}


@pytest.fixture(scope="module")
def shared(lab):
    lab.docker("volume", "create", VOLUME)
    lab.sh(f"cp -a {STORE}/blobs {STORE}/manifests {ADOPTED}/")
    lab.sh(f"echo half > {ADOPTED}/blobs/sha256-{'a' * 64}-partial; echo stray > {ADOPTED}/blobs/notes.txt")
    damaged = weights_of(manifests(lab, ADOPTED)["registry.ollama.ai/library/nomic-embed-text/v1.5"])
    lab.sh(f"printf x | dd of={ADOPTED}/blobs/sha256-{damaged} bs=1 seek=100000 conv=notrunc status=none")
    for number in (1, 2):
        port, data = f"127.0.0.1:{12433 + number}:11434", f"{VOLUME}:/root/.ollama/models"
        lab.docker("run", "-d", "--init", "--restart=always", f"--name=shared-{number}", "-p", port, "-v", data, IMAGE)
    return weights_of(manifests(lab, ADOPTED)["registry.ollama.ai/library/llava/7b"])


def test_one_that_is_left_out_would_go_on_writing(lab, shared):
    only = {**SETTINGS, "corral_legacy_containers": ["shared-1"]}
    lab.run("migrate", **only).failed("shared-2 can write to the models of shared-1")


def test_the_volume_becomes_the_store(lab, shared):
    inode = lab.sh(f"stat -c %i {ADOPTED}/blobs/sha256-{shared}")
    lab.run("migrate", **SETTINGS).ok()
    assert lab.sh(f"stat -c %i {ADOPTED}/blobs/sha256-{shared}") == inode
    assert [name for name in lab.sh(f"ls {ADOPTED}/blobs").split() if "partial" in name or "notes" in name] == []
    assert lab.fleet["summary"]["instances_ok"] == 2
    done = lab.module("digest_check", path=ADOPTED, mode="full")
    assert (done["ok"], done["findings"]) == (True, [])
    assert lab.run("migrate", **SETTINGS).ok().changed == []


def test_reclaim_leaves_the_volume_that_is_the_store(lab):
    lab.run("migrate_reclaim", **SETTINGS).ok()
    assert [name for name in lab.containers() if name.startswith("shared-")] == []
    assert lab.api(12434, "/api/tags")["models"]
