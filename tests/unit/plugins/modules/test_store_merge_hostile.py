# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module store_merge on sources that mean ill, or that change while they are read."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from unittest import mock

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import carrying, merging
from ansible_collections.corral.ollama.plugins.modules import store_merge
from ansible_collections.corral.ollama.tests.unit.merging import CONFIG, ONE, TWO, given, healthy, merge, rows, tree
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import (
    digest,
    files,
    manifest_of,
    put,
    put_manifest,
    ready_store,
)


@pytest.fixture
def paths(tmp_path):
    return ready_store(tmp_path / "store")


def a_link(path, secret):
    path.symlink_to(secret)


def a_pipe(path, _secret):
    os.mkfifo(path)


def a_socket(path, _secret):
    # the name of a socket is short, so it is made in its directory
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("s")
        os.rename("s", path)
    finally:
        os.chdir(here)


def a_directory(path, _secret):
    path.mkdir()


@pytest.mark.parametrize("make", [a_link, a_pipe, a_socket, a_directory])
def test_a_blob_that_is_no_file_is_neither_followed_nor_opened(paths, make, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(ONE)
    a, b = tree(paths, "a"), tree(paths, "b")
    put(a, "m:1", CONFIG, ONE)
    path = Path(a.blob(digest(ONE)))
    path.unlink()
    make(path, secret)
    real = merge(paths, "a")
    assert "not a plain file" in rows(real, "lacking")["m:1"]["reason"]
    assert healthy(paths) == []
    put(b, "m:1", CONFIG, ONE)
    assert rows(merge(paths, "a", "b"))["m:1"]["action"] == "publish"
    assert Path(paths.blob(digest(ONE))).stat().st_ino == Path(b.blob(digest(ONE))).stat().st_ino


def test_names_and_digests_from_a_manifest_never_become_paths_unseen(paths, tmp_path):
    a = tree(paths, "a")
    put(a, "good:1", CONFIG, ONE)
    for number, bad in enumerate(("sha256:../../../etc/passwd", "sha256:" + "A" * 64, "/etc/passwd", "sha256:12", 7)):
        raw = json.dumps({"config": {"digest": bad, "size": 1}, "layers": [{"digest": bad, "size": 1}]}).encode()
        put_manifest(a, f"bad:{number}", raw)
    put_manifest(a, "deep:1", b"[" * 100_000)
    library = Path(a.manifests, "registry.ollama.ai/library")
    for odd in ("-rf", "..x", "a b", "ö", "bad\udcff"):
        (library / odd).mkdir()
        (library / odd / "1").write_bytes(manifest_of(CONFIG, ONE))
    (library / "linked").symlink_to(library / "good")
    outside = tmp_path / "outside"
    outside.mkdir()
    real = merge(paths, "a")
    assert [row["name"] for row in real["models"] if row["action"] == "publish"] == ["good:1"]
    assert sorted(rows(real, "lacking")) == [*(f"bad:{number}" for number in range(5)), "deep:1"]
    assert healthy(paths) == []
    assert {path.name for path in tmp_path.iterdir()} == {"store", "a", "outside"}


def test_a_manifest_of_a_gigabyte_is_not_read(paths):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    with open(a.manifest(parse_name("m:1")), "wb") as file:
        file.truncate(1 << 30)
    assert "longer than" in rows(merge(paths, "a"), "lacking")["m:1"]["reason"]


def test_two_manifests_that_disagree_about_a_size(paths):
    a, b = tree(paths, "a"), tree(paths, "b")
    put(a, "m:1", CONFIG, ONE)
    put(b, "n:1", CONFIG, TWO)
    lie = json.loads(manifest_of(CONFIG, ONE))
    lie["layers"][0]["size"] = 10**15
    put_manifest(b, "lie:1", json.dumps(lie).encode())
    real = merge(paths, "a", "b")
    assert {name: row["action"] for name, row in rows(real).items()} == {
        "lie:1": "lacking",
        "m:1": "publish",
        "n:1": "publish",
    }


def test_a_source_whose_directories_are_links_is_refused(paths, tmp_path):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    os.rename(a.blobs, tmp_path / "elsewhere")
    Path(a.blobs).symlink_to(tmp_path / "elsewhere")
    outcome = run_module(store_merge, given(paths, "a"))
    assert (outcome.failed, "is a symbolic link, not a directory" in outcome.msg) == (True, True)
    assert files(paths.blobs) == {}


def test_a_blob_that_changes_after_it_was_hashed_is_not_linked(paths, monkeypatch):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    real_fetch = carrying.fetch

    def fetch(job, *more):
        fetched = real_fetch(job, *more)
        if job.blob.digest == digest(ONE):
            Path(job.path).write_bytes(b"X" + ONE[1:])
            os.utime(job.path, (1, 1))
        return fetched

    monkeypatch.setattr(merging, "fetch", fetch)
    reason = rows(merge(paths, "a"), "lacking")["m:1"]["reason"]
    assert reason.endswith("it was changed after it was hashed")
    assert [kind for kind, _path in healthy(paths)] == ["orphan"]
    assert os.listdir(paths.tmp) == []


def test_a_manifest_that_changes_while_its_blobs_are_read(paths, monkeypatch):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    real_fetch = carrying.fetch

    def fetch(*job):
        put_manifest(a, "m:1", manifest_of(CONFIG, TWO))
        return real_fetch(*job)

    monkeypatch.setattr(merging, "fetch", fetch)
    reason = rows(merge(paths, "a"), "lacking")["m:1"]["reason"]
    assert reason == "its manifest was changed while it was merged"
    assert files(paths.manifests) == {}


def test_a_file_that_grows_while_it_is_copied_ends_at_its_size(paths, monkeypatch):
    a = tree(paths, "a")
    put(a, "m:1", CONFIG, ONE)
    written = []
    real_write = os.write

    def write(fd, data):
        written.append(len(data))
        # the other blob may be copied while this one is still hashed
        if data == ONE:
            with open(a.blob(digest(ONE)), "ab") as file:
                file.write(b"more" * 1000)
        return real_write(fd, data)

    refused = OSError(18, "no")
    monkeypatch.setattr(os, "link", mock.Mock(side_effect=refused))
    with monkeypatch.context() as patch:
        patch.setattr(carrying, "write_all", write)
        real = merge(paths, "a")
    assert "has 15001 bytes" in rows(real, "lacking")["m:1"]["reason"]
    assert sum(written) <= len(CONFIG + ONE)
    assert files(paths.manifests) == {}


def test_notes_that_are_not_ours_cost_a_second_reading_only(paths):
    for text in ("", "[]", '{"bad": [[1]]}', '{"bad": 7}', "[" * 100_000):
        Path(paths.merge_notes).write_text(text)
        put(tree(paths, "a"), "m:1", CONFIG, ONE)
        assert rows(merge(paths, "a"))["m:1"]["action"] in ("publish", "none")
