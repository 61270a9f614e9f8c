# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of published manifests, and the quarantine: nothing that is replaced or removed is lost in passing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import known, quarantine
from ansible_collections.corral.ollama.plugins.modules import store_model
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, manifest_of, put, put_blob, ready_store

NAME = parse_name("m:1")
OLD, NEW = (b"config", b"old"), (b"config", b"new")


@pytest.fixture
def paths(tmp_path):
    return ready_store(tmp_path / "store")


def publish(paths, *contents):
    put(paths.staging, "m:1", *contents)
    outcome = run_module(store_model, args(paths, name="m:1"))
    assert outcome.changed, outcome.msg


def test_published_updated_and_removed(paths):
    assert known.known_manifest(paths, NAME) is None
    publish(paths, *OLD)
    assert (known.known_manifest(paths, NAME), known.past(paths)) == (manifest_of(*OLD), {})
    publish(paths, *NEW)
    assert known.known_manifest(paths, NAME) == manifest_of(*NEW)
    assert {name: raw for name, (raw, _at) in known.past(paths).items()} == {
        digest(manifest_of(*OLD)): manifest_of(*OLD)
    }
    assert run_module(store_model, args(paths, name="m:1", state="absent")).changed
    assert known.known_manifest(paths, NAME) is None
    assert set(known.past(paths)) == {digest(manifest_of(*OLD)), digest(manifest_of(*NEW))}
    known.drop_past(paths, digest(manifest_of(*OLD)))
    assert set(known.past(paths)) == {digest(manifest_of(*NEW))}


def test_what_lies_in_the_past_and_is_no_manifest_of_its_name(paths):
    publish(paths, *OLD)
    publish(paths, *NEW)
    for name in ("x", "f" * 64):
        Path(paths.past, name).write_text("rot")
    os.mkfifo(os.path.join(paths.past, "e" * 64))
    assert set(known.past(paths)) == {digest(manifest_of(*OLD))}


def test_a_bad_blob_that_is_replaced_is_kept_aside(paths):
    put_blob(paths, b"old").write_bytes(b"rot")
    publish(paths, *OLD)
    assert Path(paths.blob(digest(b"old"))).read_bytes() == b"old"
    (entry,) = quarantine.listed(paths)
    assert Path(entry.path, "file").read_bytes() == b"rot"
    assert entry.reason["path"] == f"blobs/sha256-{digest(b'old')}"
    assert entry.bytes > 0


def test_setting_aside_any_kind_of_entry(paths):
    Path(paths.blobs, "folder", "deep").mkdir(parents=True)
    Path(paths.blobs, "folder", "deep", "file").write_text("x")
    os.symlink("/etc/passwd", os.path.join(paths.blobs, "link"))
    os.mkfifo(os.path.join(paths.blobs, "pipe"))
    for name in ("folder", "link", "pipe"):
        quarantine.set_aside(paths, os.path.join(paths.blobs, name), kind="stray")
    assert os.listdir(paths.blobs) == []
    assert sorted(entry.reason["path"] for entry in quarantine.listed(paths)) == [
        "blobs/folder",
        "blobs/link",
        "blobs/pipe",
    ]
    for entry in quarantine.listed(paths):
        quarantine.drop(paths, entry)
    assert os.listdir(paths.quarantine) == []
    assert os.path.exists("/etc/passwd")


def test_an_entry_without_a_readable_reason_is_listed(paths):
    aside = quarantine.set_aside(paths, str(put_blob(paths, b"x")), kind="wrong_hash")
    Path(os.path.dirname(aside), "reason.json").write_text(json.dumps([1]))
    assert [entry.reason for entry in quarantine.listed(paths)] == [{}]


def test_only_what_lies_in_quarantine_is_dropped(paths):
    entry = quarantine.Quarantined(paths.blobs, 0, 0.0)
    with pytest.raises(ValueError, match="blobs"):
        quarantine.drop(paths, entry)
