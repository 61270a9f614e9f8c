# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed before every single change that pruning makes: what is declared stays whole, and the next run ends where an
undisturbed one does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.known import remember
from ansible_collections.corral.ollama.plugins.module_utils.store.quarantine import set_aside
from ansible_collections.corral.ollama.plugins.modules import store_prune
from ansible_collections.corral.ollama.tests.killed.killing import killed_before
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, manifest_of, put, put_blob

CONFIG, SHARED, ONE, TWO, THREE, FOUR = b"config", b"shared" * 1000, b"one", b"two", b"three", b"four"
LATER = 100000


def through(given, shift):
    return killed_before(0, store_prune, given, shift=shift)


def phase_one(paths):
    put_blob(paths, ONE)
    put_blob(paths, TWO)
    return {}, 0


def phase_two(paths):
    """Every kind that goes: orphans with marks and with a past, downloads, staging, temporary files, quarantine."""
    put_blob(paths, ONE)
    assert through(args(paths), 0)
    put(paths, "up:1", CONFIG, TWO)
    remember(paths, parse_name("up:1"), manifest_of(CONFIG, THREE))
    put(paths, "up:1", CONFIG, THREE)
    for folder in (paths.blobs, paths.staging.blobs):
        for suffix in ("", "-0", "-1"):
            (Path(folder) / f"sha256-{'c' * 64}-partial{suffix}").write_bytes(b"{}")
    put(paths.staging, "x/y:1", b"staged")
    (Path(paths.blobs) / "COPY1").write_bytes(b"x")
    bad = Path(paths.blobs) / "bad"
    bad.write_bytes(b"x")
    set_aside(paths, str(bad), kind="wrong_hash")
    return {"quarantine_age": 1000}, LATER


def undeclared(paths):
    put(paths, "old/one:1", CONFIG, FOUR)
    put(paths, "old/two:1", CONFIG, SHARED)
    return {"undeclared": True, "models": ["m:1", "up:1"]}, 0


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("scenario", [phase_one, phase_two, undeclared])
def test_killed_before_every_change(tmp_path, monkeypatch, scenario):
    monkeypatch.setattr(os, "fsync", lambda _fd: None)

    def fresh(name):
        paths = staged.ready_store(tmp_path / name)
        put(paths, "m:1", CONFIG, SHARED)
        more, shift = scenario(paths)
        return paths, args(paths, **more), shift

    calm, given, shift = fresh("calm")
    before = files(calm.root)
    assert through(given, shift)
    end = names(calm)
    assert end != sorted(before)

    number, done = 0, False
    while not done:
        number += 1
        paths, given, shift = fresh(str(number))
        done = killed_before(number, store_prune, given, shift=shift)
        whole(paths, "m:1", CONFIG, SHARED)
        assert through(given, shift)
        whole(paths, "m:1", CONFIG, SHARED)
        assert names(paths) == end
        monkeypatch.setattr(time, "time", lambda real=time.time, shift=shift: real() + shift)
        assert not run_module(store_prune, given).changed
        monkeypatch.undo()
        monkeypatch.setattr(os, "fsync", lambda _fd: None)
    assert number > 3


def names(paths):
    """Every entry below the store but the lease, and what a killed run was about to rename: that goes by age."""
    found = sorted(str(p.relative_to(paths.root)) for p in Path(paths.root).rglob("*"))
    return [name for name in found if "lease" not in name and "owner" not in name and "/tmp/" not in name]


def whole(paths, name, *contents):
    raw = Path(paths.manifest(parse_name(name))).read_bytes()
    assert raw == manifest_of(*contents)
    for data in contents:
        assert Path(paths.blob(digest(data))).read_bytes() == data
