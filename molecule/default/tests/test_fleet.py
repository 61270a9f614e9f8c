# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on the controller says what the store and the instances say."""

from __future__ import annotations

import hashlib

from lab import STORE, manifests

MODELS = ["codellama:7b", "llama3.2:3b", "llava:7b", "mistral:7b", "nomic-embed-text:v1.5"]


def test_every_instance_with_every_model(lab):
    fleet = lab.fleet
    assert fleet["ok"] is True
    assert fleet["problems"] == []
    assert [entry["name"] for entry in fleet["instances"]] == [f"ollama-server-{n}" for n in range(1, 9)]
    for number, entry in enumerate(fleet["instances"], start=1):
        assert entry["ok"] is True
        assert entry["host"] == lab.container
        assert entry["url"] == f"http://127.0.0.1:{11433 + number}"
        assert sorted(model["name"] for model in entry["models"]) == MODELS
        assert all(model["listed"] and model["answered"] for model in entry["models"])


def test_digests_are_those_of_the_manifest_files(lab):
    digests = {}
    for path in manifests(lab):
        raw = lab.sh(f"cat {STORE}/manifests/{path}")
        digests[":".join(path.split("/")[-2:])] = hashlib.sha256(raw.encode()).hexdigest()
    for entry in lab.fleet["instances"]:
        assert {model["name"]: model["digest"] for model in entry["models"]} == digests
