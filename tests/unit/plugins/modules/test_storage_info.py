# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``storage_info``: real bytes, each counted once, for whom they are; and nothing is changed by the look."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.quarantine import set_aside
from ansible_collections.corral.ollama.plugins.modules import storage_info
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import digest, put, put_blob

CONFIG, SHARED, ONE, TWO = b"c" * 4096, b"s" * 8192, b"1" * 16384, b"2" * 32768


@pytest.fixture
def paths(tmp_path):
    """Two models that share config and a layer."""
    paths = staged.ready_store(tmp_path / "store", token="")
    put(paths, "m:1", CONFIG, SHARED, ONE)
    put(paths, "m:2", CONFIG, SHARED, TWO)
    return paths


def look(paths, **more):
    outcome = run_module(storage_info, {"path": paths.root, **more})
    assert not outcome.failed, outcome.msg
    assert not outcome.changed
    return outcome


def everything(root):
    return sorted(
        (str(p), p.lstat().st_ino, p.lstat().st_mtime_ns, p.lstat().st_ctime_ns) for p in Path(root).rglob("*")
    )


def test_who_takes_what(paths, tmp_path):
    data = []
    for number in (1, 2, 3):
        folder = tmp_path / f"data{number}"
        folder.mkdir()
        (folder / "history").write_bytes(b"x" * 4096)
        data.append({"name": f"ollama-server-{number}", "path": str(folder)})
    before = everything(tmp_path)
    storage = look(paths, data_paths=data)["storage"]
    assert everything(tmp_path) == before
    assert (storage["models"], storage["blobs"], storage["model_bytes"]) == (2, 4, 61440)
    assert storage["unique_bytes_by_model"] == {"m:1": 16384, "m:2": 32768}
    assert (storage["shared_bytes"], storage["copies"], storage["saved_against_copies"]) == (12288, 3, 122880)
    assert (storage["reclaimable"], storage["unreadable"], storage["complete"]) == (0, 0, True)
    assert storage["bytes"] == sum({p.lstat().st_ino: p.lstat().st_blocks * 512 for p in all_of(paths)}.values())
    folder = os.stat(tmp_path / "data1").st_blocks * 512
    assert storage["instances"] == [{"name": one["name"], "bytes": 4096 + folder} for one in data]
    assert 0 < storage["free_bytes"] <= storage["total_bytes"]


def all_of(paths):
    return [Path(paths.root), *Path(paths.root).rglob("*")]


def test_what_could_be_freed(paths):
    put_blob(paths, b"o" * 4096)
    (Path(paths.blobs) / f"sha256-{'c' * 64}-partial").write_bytes(b"p" * 8192)
    (Path(paths.blobs) / "COPY1").write_bytes(b"t" * 4096)
    (Path(paths.blobs) / "README").write_bytes(b"t" * 4096)
    put_blob(paths.staging, b"x" * 4096)
    os.link(paths.blob(digest(ONE)), paths.staging.blob(digest(ONE)))
    bad = Path(paths.blobs) / "bad"
    bad.write_bytes(b"q" * 4096)
    set_aside(paths, str(bad), kind="wrong_hash")
    storage = look(paths)["storage"]
    found = {key: storage[f"{key}_bytes"] for key in ("orphan", "partial", "staging", "quarantine", "unknown")}
    assert found == {"orphan": 4096, "partial": 12288, "staging": 4096, "quarantine": 4096, "unknown": 4096}
    assert storage["reclaimable"] == 20480
    assert storage["bytes"] == sum({p.lstat().st_ino: p.lstat().st_blocks * 512 for p in all_of(paths)}.values())
    assert look(paths, quarantine_age=0)["storage"]["reclaimable"] == 24576


def test_a_sparse_file_counts_for_what_it_has(paths):
    with open(os.path.join(paths.blobs, f"sha256-{'c' * 64}-partial"), "wb") as file:
        file.truncate(2**40)
    assert look(paths)["storage"]["partial_bytes"] == 0


def test_what_cannot_be_read_is_told(paths):
    staged.put_manifest(paths, "n:1", b"{")
    os.symlink("/etc", os.path.join(paths.manifests, "link"))
    storage = look(paths)["storage"]
    assert (storage["models"], storage["unreadable"]) == (3, 2)


@pytest.mark.parametrize("text", ["", "[]", "{", "3", "[" * 100000, '{"scrub": []}', "null"])
def test_a_scrub_that_is_none(paths, text):
    Path(paths.scrub_result).write_text(text)
    assert look(paths)["scrub"] == {}


def test_the_last_scrub_in_short(paths):
    assert look(paths)["scrub"] == {}
    told = {"schema": 1, "ok": True, "last_full_at": 7.5, "findings_by_kind": {"orphan": 1}, "findings": ["long"]}
    Path(paths.scrub_result).write_text(json.dumps(told))
    assert look(paths)["scrub"] == {"ok": True, "last_full_at": 7.5, "findings_by_kind": {"orphan": 1}}
    os.unlink(paths.scrub_result)
    os.mkfifo(paths.scrub_result)
    assert look(paths)["scrub"] == {}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"path": "/nowhere"}, "no_store"),
        ({"quarantine_age": -1}, "bad_input"),
        ({"data_paths": [{"name": "x", "path": "/"}]}, "bad_input"),
    ],
)
def test_failures_speak(paths, given, kind):
    outcome = run_module(storage_info, {"path": paths.root, **given})
    assert (outcome.failed, outcome.kind) == (True, kind)
