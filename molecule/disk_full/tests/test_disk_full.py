# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: too big, refused; fits, but the disk fills up meanwhile; room again, green."""

from __future__ import annotations

import pytest
from lab import STORE, blob_names, bytes_in_staging, manifests, puller_settings, wait_until

SMALL, FITS, TOO_BIG = "nomic-embed-text:v1.5", "llama3.2:3b", "mistral:7b"


def test_the_store_really_is_on_the_small_disk(host):
    assert host.mount_point(STORE).filesystem == "tmpfs"


def test_refused_with_figures_before_anything_is_changed(lab):
    before = lab.snapshot()
    run = lab.run("site", corral_models=[SMALL, TOO_BIG])
    run.failed("205.", "MB", "100.")
    assert run.changed == []
    assert lab.snapshot() == before


@pytest.fixture(scope="module")
def full_run(lab):
    before = blob_names(lab)
    process = lab.start("site", corral_models=[SMALL, FITS], models_retries=1, **puller_settings(slow_pull=8_000_000))
    try:
        wait_until(lambda: bytes_in_staging(lab) > 5_000_000 or process.poll() is not None, 120, "the pull to begin")
        lab.sh(f"dd if=/dev/zero of={STORE}/.corral/ballast bs=1M 2>/dev/null", check=False)
        yield lab.finish(process), before
    finally:
        lab.sh(f"rm -f {STORE}/.corral/ballast")


def test_a_disk_that_fills_up_in_the_middle_is_named(full_run):
    run, _before = full_run
    message = run.failed(FITS)
    assert "no space" in message.lower() or "disk is full" in message.lower(), message
    assert run.failures[0]["error"]["kind"] == "no_space"


def test_nothing_is_visible_and_nothing_is_lost(host, lab, full_run):
    _run, before = full_run
    assert [path.split("/")[-2] for path in manifests(lab)] == ["nomic-embed-text"]
    assert blob_names(lab) == before
    for port in (11434, 11435):
        assert [model["name"] for model in lab.api(port, "/api/tags")["models"]] == [SMALL]
        assert len(lab.api(port, "/api/embed", {"model": SMALL, "input": "one"})["embeddings"]) == 1
    assert not host.file(f"{STORE}/.corral.lease").exists
    assert [name for name in lab.containers() if "pull" in name] == []


def test_green_when_there_is_room_again(lab, full_run):
    lab.sh(f"rm -f {STORE}/.corral/ballast")
    lab.run("site", corral_models=[SMALL, FITS]).ok()
    assert lab.fleet["ok"] is True
    assert len(manifests(lab)) == 2
