# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A story in order: check, damage, pull `success`, check again; then a blob cut short, and a shared layer gone."""

from __future__ import annotations

import json

import pytest
from lab import STORE, manifests, weights_of

MODEL = "llava:7b"
PATH = "registry.ollama.ai/library/llava/7b"
NOMIC = "registry.ollama.ai/library/nomic-embed-text/v1.5"
FLIP = (
    'python3 -c \'import sys; f = open(sys.argv[1], "r+b"); f.seek(-9, 2); b = f.read(1)[0]; f.seek(-9, 2); '
    'f.write(bytes([b ^ 1]))\' "$1"'
)
IMAGE = "corral-practice/ollama:0.32.15-practice"


@pytest.fixture(scope="module")
def digest(lab):
    return weights_of(manifests(lab)[PATH])


def flip(lab, digest):
    lab.sh(f"set -- {STORE}/blobs/sha256-{digest}; {FLIP}")


def check(lab, **options):
    """Its result; when it fails, the same keys are in its error."""
    result = lab.module("digest_check", path=STORE, **options)
    return {**result, **result.get("error", {})}


def test_a_store_that_was_just_filled_is_whole(lab):
    result = check(lab, mode="full")
    assert result["ok"] is True
    assert not result.get("failed")
    assert result["findings"] == []
    assert result["stats"]["models"] == 2


def test_a_byte_goes_bad_and_a_plain_pull_says_success(lab, host, digest):
    """The pull is done as people do it, by a server that may write to the store."""
    flip(lab, digest)
    address = (lab.ephemeral / "front").read_text().strip()
    hosts = f"--add-host registry.ollama.ai:{address} --add-host blobs.practice.corral:{address}"
    authority = "-v /etc/corral-practice/ca.pem:/ca.pem:ro -e SSL_CERT_FILE=/ca.pem -e OLLAMA_NOPRUNE=1"
    lab.sh(f"docker run -d --name witness {hosts} {authority} -v ollama_models:/root/.ollama/models {IMAGE}")
    try:
        pull = host.run(f"sleep 1; docker exec witness ollama pull {MODEL}")
        assert pull.rc == 0
        assert "success" in pull.stdout + pull.stderr
    finally:
        lab.docker("rm", "-f", "witness")


def test_the_servers_see_nothing(lab):
    """They list it and answer with it; so `verify` cannot know, and does not pretend to."""
    for port in (11434, 11435):
        assert MODEL in [model["name"] for model in lab.api(port, "/api/tags")["models"]]
    assert check(lab, mode="quick")["ok"] is True


def test_digest_check_names_the_blob_and_the_model_and_fails(lab, digest):
    result = check(lab, mode="full")
    assert result["failed"] is True
    assert result["ok"] is False
    assert [word for word in (digest[:12], MODEL) if word not in result["msg"]] == [], result["msg"]
    bad = [finding for finding in result["findings"] if finding["digest"] == digest]
    assert [finding["kind"] for finding in bad] == ["wrong_hash"]
    assert bad[0]["models"] == [MODEL]
    assert bad[0]["found"] != bad[0]["expected"]
    assert {model["name"]: model["ok"] for model in result["models"]} == {MODEL: False, "nomic-embed-text:v1.5": True}


def test_report_mode_says_the_same_and_does_not_fail(lab):
    result = check(lab, mode="full", on_damage="report")
    assert result["ok"] is False
    assert not result.get("failed")
    assert result["changed"] is False


def test_a_short_blob_is_seen_without_hashing(lab, digest):
    flip(lab, digest)  # good again
    assert check(lab, mode="full")["ok"] is True
    lab.sh(f"truncate -s -1 {STORE}/blobs/sha256-{digest}")
    result = check(lab, mode="quick")
    assert result["failed"] is True
    assert [(finding["kind"], finding["digest"]) for finding in result["findings"]] == [("short", digest)]


def test_a_missing_shared_layer_names_both_models(lab):
    """The licence is in both models."""
    shared = [
        layer["digest"].removeprefix("sha256:")
        for layer in manifests(lab)[NOMIC]["layers"]
        if layer["digest"] in json.dumps(manifests(lab)[PATH])
    ]
    lab.sh(f"rm {STORE}/blobs/sha256-{shared[0]}")
    result = check(lab, mode="quick", on_damage="report")
    missing = [finding for finding in result["findings"] if finding["kind"] == "missing"]
    assert [finding["digest"] for finding in missing] == [shared[0]]
    assert sorted(missing[0]["models"]) == [MODEL, "nomic-embed-text:v1.5"]


def test_the_next_run_fetches_what_is_missing_or_short(lab):
    lab.run("site").ok()
    assert check(lab, mode="full")["ok"] is True
