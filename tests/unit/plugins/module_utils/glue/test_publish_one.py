# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashing begins while the pull goes on: as soon as a blob is complete, at the latest when the server verifies."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.manifests import parse_manifest
from ansible_collections.corral.ollama.plugins.module_utils.glue.publish_one import _EarlyHashing
from ansible_collections.corral.ollama.plugins.module_utils.server.pull_state import PullEvent
from ansible_collections.corral.ollama.tests.unit import staged

WEIGHTS, PARAMS, CONFIG = b"weights", b"params", b"config"


class Recorder:
    """A verifier that only notes what it was asked to hash."""

    def __init__(self):
        self.started = []

    def start(self, path):
        if not Path(path).is_file():
            return None
        self.started.append(Path(path).name[7:])
        return object()


@pytest.fixture
def tools(tmp_path):
    return SimpleNamespace(paths=staged.ready_store(tmp_path / "models"), verifier=Recorder())


def pulling(data):
    return PullEvent("pulling …", staged.digest(data), len(data), len(data))


@pytest.mark.parametrize("known", [True, False])
def test_each_blob_is_hashed_as_soon_as_it_is_complete(tools, known):
    target = parse_manifest(staged.manifest_of(CONFIG, WEIGHTS, PARAMS)) if known else None
    early, started = _EarlyHashing(tools, target), tools.verifier.started
    early.on_event(PullEvent("pulling manifest"))
    early.on_event(pulling(WEIGHTS))
    assert started == []
    staged.put_blob(tools.paths.staging, WEIGHTS)
    early.on_event(pulling(PARAMS))
    assert started == [staged.digest(WEIGHTS)]
    staged.put_blob(tools.paths.staging, PARAMS)
    # a small layer may have no line of its own
    staged.put_blob(tools.paths.staging, CONFIG)
    early.on_event(PullEvent("verifying sha256 digest"))
    expected = [WEIGHTS, PARAMS, CONFIG] if known else [WEIGHTS, PARAMS]
    assert sorted(started) == sorted(staged.digest(data) for data in expected)
    early.on_event(PullEvent("success"))
    assert len(started) == len(expected)


def test_a_digest_that_is_none_becomes_no_path(tools):
    early = _EarlyHashing(tools, None)
    early.on_event(PullEvent("pulling x", "../../../etc/passwd", 5, 5))
    early.on_event(PullEvent("pulling model", "model", 5, 5))
    early.on_event(PullEvent("success"))
    assert tools.verifier.started == []
