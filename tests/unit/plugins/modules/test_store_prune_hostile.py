# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_prune`` among what cannot be read, is not what it seems, or changes while it works."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import pruning
from ansible_collections.corral.ollama.plugins.module_utils.store.known import forget, remember
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.modules import store_prune
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.pruned import (
    CONFIG,
    NOW,
    ONE,
    PARTIAL,
    TWO,
    kinds,
    orphan,
    prune,
    put_partials,
    store_with_a_model,
)
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, manifest_of, put


@pytest.fixture
def paths(tmp_path):
    return store_with_a_model(tmp_path / "store")


def unreadable(paths, how, name="n:1"):
    put(paths, name, CONFIG, ONE)
    path = Path(paths.manifest(parse_name(name)))
    raw = path.read_bytes()
    path.unlink()
    if how == "link":
        (path.parent / "real").write_bytes(raw)
        path.symlink_to(path.parent / "real")
        (path.parent / "real").unlink()
    elif how == "fifo":
        os.mkfifo(path)
    elif how == "huge":
        with open(path, "wb") as file:
            file.truncate(2**30)
    elif how == "linked directory":
        path.parent.rmdir()
        path.parent.symlink_to(paths.root)
    else:
        path.write_bytes({"empty": b"", "cut": raw[:10]}[how])


@pytest.mark.parametrize("how", ["link", "fifo", "huge", "linked directory", "empty", "cut"])
def test_what_cannot_be_read_may_name_anything(paths, how):
    unreadable(paths, how)
    path = orphan(paths, TWO)
    outcome = prune(paths, **NOW)
    assert kinds(outcome, "wait") == ["orphan", "orphan"]
    assert "it may be named by what cannot be read: manifests/registry.ollama.ai/library/n" in str(outcome["table"])
    assert path.exists()


def test_a_copy_tells_what_a_broken_manifest_named(paths):
    remember(paths, parse_name("n:1"), manifest_of(CONFIG, ONE))
    unreadable(paths, "empty")
    orphan(paths, TWO)
    assert kinds(prune(paths, **NOW)) == ["orphan"]
    assert Path(paths.blob(digest(ONE))).exists()
    # without the file nobody says that the model is wanted, unless it is declared
    Path(paths.manifest(parse_name("n:1"))).unlink()
    assert kinds(prune(paths, **NOW, models=["n:1", "m:1"])) == ["empty"]
    forget(paths, parse_name("n:1"))
    assert kinds(prune(paths, **NOW, models=["n:1", "m:1"])) == ["orphan"]


def test_a_manifest_that_only_we_refuse_still_counts(paths):
    raw = manifest_of(CONFIG, ONE).replace(b'"size"', b'"sice"')
    remember(paths, parse_name("n:1"), manifest_of(CONFIG, TWO))
    staged.put_manifest(paths, "n:1", raw)
    orphan(paths)
    orphan(paths, TWO)
    assert not prune(paths, **NOW).changed


def test_the_manifests_are_read_again_before_each_removal(paths, monkeypatch):
    """Each removal takes long here, and while the first one runs, a server that keeps no lease writes a manifest."""
    first, second = sorted((orphan(paths), orphan(paths, TWO)))
    real = os.unlink

    def published_meanwhile(path):
        real(path)
        if path == str(first):
            put(paths, "late:1", CONFIG, ONE if digest(ONE) in second.name else TWO)

    monkeypatch.setattr(pruning, "unlink_if_there", published_meanwhile)
    monkeypatch.setattr(pruning, "_STALE", -1.0)
    outcome = prune(paths, **NOW)
    assert (first.exists(), second.exists()) == (False, True)
    assert [row["action"] for row in outcome["candidates"]] == ["remove", "keep"]
    assert "names it since this run began" in outcome["candidates"][1]["why"]


def test_another_file_under_the_name_is_another_matter(paths, monkeypatch):
    put_partials(paths.blobs)
    old, new = Path(paths.blobs) / PARTIAL, Path(paths.root).with_name("new")
    new.write_bytes(b"of a download that runs")
    real = pruning.Pruner.remove
    monkeypatch.setattr(pruning.Pruner, "remove", lambda self, item: (new.replace(old), real(self, item))[1])
    prune(paths, partial_age=0, min_age=0, quarantine_age=0)
    assert old.read_bytes() == b"of a download that runs"


def test_what_was_published_since_the_look_stays(paths, monkeypatch):
    """Between the plan and the lease's guard anybody may have written; nothing is believed of before it."""
    path = orphan(paths)
    real = pruning.Pruner.remove_blobs
    monkeypatch.setattr(
        pruning.Pruner, "remove_blobs", lambda self, items: (put(paths, "late:1", CONFIG, ONE), real(self, items))[1]
    )
    assert kinds(prune(paths, **NOW), "keep") == ["orphan"]
    assert path.exists()


def test_the_guard_is_let_go_in_between(paths, monkeypatch):
    for number in range(5):
        orphan(paths, b"%d" % number)
    holds, real = [], LeaseFile.writing
    monkeypatch.setattr(LeaseFile, "writing", lambda self, token: (holds.append(1), real(self, token))[1])
    monkeypatch.setattr(pruning, "_HOLD", -1.0)
    assert kinds(prune(paths, **NOW)) == ["orphan"] * 5
    assert len(holds) == 5
    assert len(os.listdir(paths.blobs)) == 2


def test_without_the_lease_nothing_is_removed(paths):
    path = orphan(paths)
    put_partials(paths.blobs)
    LeaseFile(paths).release(staged.TOKEN)
    LeaseFile(paths).acquire("another", "7", 600)
    outcome = run_module(store_prune, args(paths, **NOW))
    assert (outcome.failed, outcome.kind) == (True, "lease_lost")
    assert path.exists()
    waits = [row for row in prune(paths, check=True, **NOW)["candidates"] if row["kind"] == "partial"]
    assert "the lease is held by another" in waits[0]["why"]


def test_names_that_are_no_text_and_no_plain_files(paths):
    with open(os.fsencode(paths.blobs) + b"/\xff\xfe", "wb"):
        pass
    os.mkfifo(paths.blob("a" * 64))
    os.symlink("/etc/passwd", paths.blob("b" * 64))
    os.mkdir(os.path.join(paths.blobs, "COPY1"))
    os.rmdir(paths.staging.blobs)
    os.symlink("/etc", paths.staging.blobs)
    before = files(paths.root)
    assert kinds(prune(paths, **NOW), "keep") == ["stray"] * 4
    assert {**files(paths.root)} == before
    assert os.path.exists("/etc/passwd")


def test_the_list_is_bounded(paths):
    for number in range(1100):
        (Path(paths.blobs) / f"COPY{number}").write_bytes(b"")
    check = prune(paths, check=True, **NOW)
    assert (len(check["candidates"]), check["candidates_left_out"]) == (1000, 100)
    assert check["summary"]["temp"] == {"count": 1100, "bytes": 0, "remove": 1100}
    assert [step["target"] for step in check["steps"]] == ["1100 of the kind temp"]
    assert len(check["table"]) == 42
    assert len(prune(paths, **NOW)["candidates"]) == 1000
    assert kinds(prune(paths, **NOW)) == []
