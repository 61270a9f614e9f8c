# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores to prune, made by hand, and how the tests look at what came of them."""

from __future__ import annotations

import time
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.known import remember
from ansible_collections.corral.ollama.plugins.modules import store_prune
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, manifest_of, put, put_blob, ready_store

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 5000, b"two" * 5000
PARTIAL = "sha256-" + "c" * 64 + "-partial"
NOW = {"min_age": 0, "partial_age": 0, "quarantine_age": 0}


def store_with_a_model(path):
    """A store with one model, whose blobs must survive whatever is done."""
    paths = ready_store(path)
    put(paths, "m:1", CONFIG, SHARED)
    return paths


def prune(paths, check=False, **more):
    outcome = run_module(store_prune, args(paths, **more), check=check)
    assert not outcome.failed, outcome.msg
    for data in (CONFIG, SHARED):
        assert digest(Path(paths.blob(digest(data))).read_bytes()) == digest(data)
    return outcome


def kinds(outcome, action="remove"):
    return sorted(row["kind"] for row in outcome["candidates"] if row["action"] == action)


def orphan(paths, data=ONE):
    return put_blob(paths, data)


def age(monkeypatch, seconds):
    """From here on it is that much later."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)


def update(paths, name="m:1", old=(CONFIG, SHARED, ONE), new=(CONFIG, SHARED, TWO)):
    """A model that was published anew, as the Publisher does it; returns the old digest."""
    before = put(paths, name, *old)
    remember(paths, parse_name(name), manifest_of(*new))
    put(paths, name, *new)
    return before


def put_partials(folder):
    for name in (PARTIAL, f"{PARTIAL}-0", f"{PARTIAL}-1", f"{PARTIAL}-10"):
        (Path(folder) / name).write_bytes(b"{}")
