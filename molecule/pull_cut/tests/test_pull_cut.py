# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: cut in the middle, fail, look, run again, count the bytes."""

from __future__ import annotations

import time

import pytest
from lab import (
    STORE,
    blob_names,
    bytes_in_staging,
    manifests,
    partials,
    puller_settings,
    served,
    wait_until,
    weights_of,
)

SMALL, BIG = "nomic-embed-text:v1.5", "llama3.2:3b"
BIG_SIZE = 52_519_008
RATE = 8_000_000
# The engine forwards the containers' packets: a reset here is what a firewall or a dying uplink does to the puller.
CUT = "FORWARD -p tcp --dport 443 -j REJECT --reject-with tcp-reset"


@pytest.fixture(scope="module")
def before(lab):
    return blob_names(lab)


@pytest.fixture(scope="module")
def cut_run(lab, before):
    slow = puller_settings(slow_pull={"rate": RATE})
    process = lab.start("site", corral_models=[SMALL, BIG], models_retries=1, **slow)
    try:
        wait_until(lambda: bytes_in_staging(lab) > BIG_SIZE // 4 or process.poll() is not None, 120, "half a pull")
        lab.sh(f"iptables -I {CUT}")
        return lab.finish(process)
    finally:
        lab.sh(f"iptables -D {CUT}", check=False)


def test_the_run_fails_and_names_model_cause_and_retries(cut_run):
    message = cut_run.failed(BIG)
    assert any(word in message for word in ("refused", "reset", "max retries exceeded", "unexpected EOF")), message
    assert cut_run.failures[0]["error"]["attempts"] == 2
    assert len(cut_run.failures[0]["error"]["retries"]) == 2


def test_nothing_of_the_model_is_visible(lab, cut_run, before):
    assert [path.split("/")[-2:] for path in manifests(lab)] == [["nomic-embed-text", "v1.5"]]
    assert blob_names(lab) == before
    for port in (11434, 11435):
        assert [model["name"] for model in lab.api(port, "/api/tags")["models"]] == [SMALL]


def test_what_was_pulled_stays_in_staging_and_nobody_holds_the_lease(host, lab, cut_run):
    assert len([name for name in partials(lab) if name.endswith("-partial")]) == 1
    assert bytes_in_staging(lab) > BIG_SIZE // 4
    assert not host.file(f"{STORE}/.corral.lease").exists
    assert [name for name in lab.containers() if "pull" in name] == []


def test_the_next_run_takes_only_the_rest_and_is_green(lab, cut_run):
    there, since = bytes_in_staging(lab), time.time()
    run = lab.run("site", corral_models=[SMALL, BIG]).ok()
    assert run.changed != []
    weights = served(lab, since)[weights_of(manifests(lab)["registry.ollama.ai/library/llama3.2/3b"])]
    assert 0 < weights <= BIG_SIZE - there + 100_000, (weights, there)
    assert partials(lab) == []
    assert lab.fleet["ok"] is True


def test_the_result_is_whole(lab):
    names = " ".join(blob_names(lab))
    sums = lab.sh(f"cd {STORE}/blobs && sha256sum {names}").split()
    assert [f"sha256-{digest}" for digest in sums[::2]] == sums[1::2]
