# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed before every single change that publishing makes: a reader sees the old model or the new one, whole, and the
next run ends where an undisturbed one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import reading
from ansible_collections.corral.ollama.plugins.modules import store_model
from ansible_collections.corral.ollama.tests.killed.killing import killed_before
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_puller import FakePuller
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, put, put_blob

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500


def seen(paths, name):
    """What a reader would make of a model: its digest when every blob is whole, "" when it is not listed."""
    stored = reading.stored_model(paths, parse_name(name))
    if stored is None:
        return ""
    assert stored.manifest is not None, stored.problem
    for blob in stored.manifest.blobs:
        assert digest(Path(paths.blob(blob.digest)).read_bytes()) == blob.digest, blob
    return stored.digest


def new_model(paths):
    put(paths, "other:1", CONFIG, SHARED)
    put(paths.staging, "m:1", CONFIG, SHARED, ONE)
    return {"name": "m:1"}


def moved_tag(paths):
    put(paths, "other:1", CONFIG, SHARED)
    put(paths, "m:1", CONFIG, SHARED, ONE)
    put(paths.staging, "m:1", CONFIG, SHARED, TWO)
    return {"name": "m:1"}


def bad_blob_in_the_store(paths):
    put(paths, "other:1", CONFIG, SHARED)
    put_blob(paths, ONE).write_bytes(b"X" + ONE[1:])
    put(paths.staging, "m:1", CONFIG, ONE)
    return {"name": "m:1"}


def two_models(paths):
    put(paths, "other:1", CONFIG, SHARED)
    put(paths.staging, "m:1", CONFIG, SHARED, ONE)
    put(paths.staging, "n/m:1", CONFIG, SHARED, TWO)
    return {"models": ["m:1", "n/m:1"]}


def removal(paths):
    put(paths, "other:1", CONFIG, SHARED)
    put(paths, "m:1", CONFIG, SHARED, ONE)
    return {"name": "m:1", "state": "absent"}


def through_a_puller(paths):
    """The pull finds links, a rotten blob and stuck parts. The server is another process, and not killed."""
    put(paths, "other:1", CONFIG, SHARED)
    put(paths, "m:1", CONFIG, ONE)
    put_blob(paths.staging, TWO).write_bytes(b"rotten")
    Path(paths.staging.blob("b" * 64) + "-partial-1").write_text("")
    server = FakePuller(paths.staging)
    server.serve("m:1", CONFIG, SHARED, TWO)
    server.__enter__()
    registry = {"registry_endpoints": {"registry.ollama.ai": server.url}}
    model = {"models": [{"name": "m:1", "state": "latest"}]}
    return {"source": "puller", "puller_url": server.url, "retries": 0, **registry, **model}


SCENARIOS = [new_model, moved_tag, bad_blob_in_the_store, two_models, removal, through_a_puller]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_before_every_change(tmp_path, monkeypatch, scenario):
    # a kill loses nothing that was written, so waiting for the disk would prove nothing here
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    calm = staged.ready_store(tmp_path / "calm")
    given = scenario(calm)
    old = seen(calm, "m:1")
    assert run_module(store_model, args(calm, **given)).changed
    new, end = seen(calm, "m:1"), files(calm.root)
    directories = sorted(str(p.relative_to(calm.manifests)) for p in Path(calm.manifests).rglob("*"))

    number, views = 0, []
    through = False
    while not through:
        number += 1
        paths = staged.ready_store(tmp_path / str(number))
        given = scenario(paths)
        through = killed_before(number, store_model, args(paths, **given))
        views.append(seen(paths, "m:1"))
        assert views[-1] in (old, new)
        assert seen(paths, "other:1") == seen(calm, "other:1")
        again = run_module(store_model, args(paths, **given))
        assert not again.failed, again.msg
        assert not run_module(store_model, args(paths, **given)).changed
        assert files(paths.root) == end
        assert sorted(str(p.relative_to(paths.manifests)) for p in Path(paths.manifests).rglob("*")) == directories
    assert views == sorted(views, key=[old, new].index), "once the new one was seen, the old one came back"
    assert {old, new} == set(views)
    assert number > 10
