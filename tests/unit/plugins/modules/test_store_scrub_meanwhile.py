# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_scrub`` in a store that is in use, beside other scrubs, after a deploy, and among files that mean harm."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.findings import told_of
from ansible_collections.corral.ollama.plugins.module_utils.glue import scrub as glue
from ansible_collections.corral.ollama.plugins.module_utils.store import scrub_files, scrubber
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile
from ansible_collections.corral.ollama.plugins.modules import store_model, store_scrub
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_puller import FakePuller
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.test_digest_check import (
    SHARED,
    blob,
    flip,
    manifest,
    users,
)
from ansible_collections.corral.ollama.tests.unit.scrubbed import count_of, read, scrub


@pytest.fixture
def store(golden):
    """The golden store, made Corral's."""
    staged.ready_store(golden, token="")
    return golden


@pytest.mark.parametrize("what", ["receipts.jsonl", "scrub.json", "scrub-state.json"])
@pytest.mark.parametrize("make", ["garbage", "directory_link", "fifo", "empty", "huge"])
def test_hostile_files_of_our_own_are_as_none(store, what, make):
    scrub(store)
    path = store / ".corral" / what
    path.unlink()
    if make == "garbage":
        path.write_bytes(b'{"schema": 1, "full_since": [], "part_runs": {"a": 1}}\n\xff\xfe[1,2]\n' * 3)
    elif make == "directory_link":
        (store / "elsewhere").write_text("untouched")
        path.symlink_to(store / "elsewhere")
    elif make == "fifo":
        os.mkfifo(path)
    elif make == "huge":
        with path.open("wb") as file:
            file.truncate(3 << 30)
    else:
        path.write_bytes(b"")
    outcome = run_module(store_scrub, {"path": str(store), "mode": "full", "on_damage": "report"})
    if what == "receipts.jsonl" and make in ("directory_link", "fifo"):
        assert outcome.failed or outcome["ok"]
    else:
        assert not outcome.failed, outcome.msg
        assert outcome["scrub"]["complete"] is True
    if make == "directory_link":
        assert (store / "elsewhere").read_text() == "untouched"


def test_what_others_do_meanwhile_is_no_damage(store, monkeypatch):
    """A model is removed with its blobs while the first blob is read, and another one is published."""
    real, done = scrubber.hash_file, []

    def meanwhile(path, *args):
        if not done:
            done.append(True)
            manifest(store, "rich/latest").unlink()
            (store / "manifests/127.0.0.1:5056/library/rich").rmdir()
            for p in (store / "blobs").iterdir():
                if not users(store, p.name[7:]):
                    p.unlink()
            staged.put(store_at(str(store)), "new:1", b"config", b"weights")
        return real(path, *args)

    monkeypatch.setattr(scrubber, "hash_file", meanwhile)
    before = count_of(store)
    outcome = scrub(store, mode="full", threads=1)
    assert (outcome["ok"], outcome["findings"]) == (True, [])
    assert sorted(model["name"] for model in outcome["models"])[-1] == "new:1"
    assert outcome["scrub"]["complete"] is True
    assert outcome["scrub"]["read"]["blobs"] < before
    assert outcome["scrub"]["coverage"]["never_verified"] == 2
    assert read(store) == 2


def test_a_blob_that_is_replaced_while_it_is_read_gets_no_receipt(store, monkeypatch):
    real = scrubber.hash_file

    def meanwhile(path, *args):
        hashed = real(path, *args)
        if path.endswith(SHARED):
            os.utime(path, (1, 1))
        return hashed

    with monkeypatch.context() as patched:
        patched.setattr(scrubber, "hash_file", meanwhile)
        scrub(store)
    assert read(store) == 1


def test_a_blob_that_is_repaired_after_it_was_read_is_no_damage(store, monkeypatch):
    good, real = blob(store).read_bytes(), scrubber.hash_file
    flip(store)

    def meanwhile(path, *args):
        hashed = real(path, *args)
        if path.endswith(SHARED):
            (store / "new").write_bytes(good)
            (store / "new").rename(path)
        return hashed

    with monkeypatch.context() as patched:
        patched.setattr(scrubber, "hash_file", meanwhile)
        outcome = scrub(store)
    assert (outcome["ok"], outcome["scrub"]["coverage"]["never_verified"]) == (True, 1)
    assert read(store) == 1


def test_a_receipt_is_of_the_file_that_was_read(store, monkeypatch, tmp_path):
    """Another file lies there just while it is read."""
    real = scrubber.hash_file

    def meanwhile(path, *args):
        if not path.endswith(SHARED):
            return real(path, *args)
        os.rename(path, tmp_path / "aside")
        Path(path).write_bytes(b"other")
        hashed = real(path, *args)
        os.rename(tmp_path / "aside", path)
        return hashed

    with monkeypatch.context() as patched:
        patched.setattr(scrubber, "hash_file", meanwhile)
        scrub(store)
    assert SHARED not in ReceiptFile(store_at(str(store))).load()


def test_one_scrub_at_a_time(store):
    with open(store / ".corral" / "scrub.guard", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        outcome = run_module(store_scrub, {"path": str(store)})
        assert (outcome.failed, outcome.kind) == (True, "scrub_running")
        assert "fuser" in outcome.msg
    assert read(store) == count_of(store)


def test_what_another_scrub_has_read_meanwhile_is_not_read_again(store):
    defaults = {name: option.get("default") for name, option in store_scrub.SPEC.items()}
    work = store_scrub.prepare({**defaults, "path": str(store)})
    scrub(store)
    assert work.apply()["scrub"]["read"]["blobs"] == 0


def test_no_store_of_corrals(golden):
    outcome = run_module(store_scrub, {"path": str(golden)}, check=True)
    assert outcome.kind == "store_not_ready"
    assert "model_store" in outcome.msg
    assert run_module(store_scrub, {"path": str(golden / "none")}).kind == "no_store"


def test_many_findings_are_counted_and_not_all_listed(store, monkeypatch):
    monkeypatch.setattr(glue, "told_of", lambda found: told_of(found, 3))
    flip(store)
    for number in range(10):
        (store / "blobs" / f"stray-{number}").write_text("")
    outcome = scrub(store)
    assert [finding["kind"] for finding in outcome["findings"]] == ["wrong_hash", "stray", "stray", "stray"]
    assert outcome["scrub"]["findings_by_kind"] == {"stray": 10, "wrong_hash": 1}
    assert "11 findings" in outcome["warnings"][0]


def test_a_journal_that_has_grown_is_made_small(store, monkeypatch):
    monkeypatch.setattr(scrub_files, "_LARGE", 0)
    monkeypatch.setattr(scrub_files, "_LINE", 1)
    for _unused in range(3):
        scrub(store, mode="full")
    assert len((store / ".corral" / "receipts.jsonl").read_text().splitlines()) == count_of(store)
    assert read(store) == 0


def test_progress_is_written(store, tmp_path):
    scrub(store, mode="full", progress_path=str(tmp_path / "progress"))
    seen = json.loads((tmp_path / "progress").read_text())
    assert (seen["done"], seen["phase"], seen["pid"]) == (True, "done", os.getpid())


def test_the_kernels_refusal_is_a_warning(store, monkeypatch):
    monkeypatch.setattr(scrubber, "be_idle", lambda _io, _nice: "The kernel refuses the idle I/O class.")
    outcome = scrub(store, threads=4)
    assert outcome["warnings"] == ["The kernel refuses the idle I/O class."]


def test_after_a_deploy_nothing_is_to_be_read(tmp_path):
    """Two models that share blobs, pulled and published one after another; links come and go meanwhile."""
    paths = staged.ready_store(tmp_path / "store")
    with FakePuller(paths.staging) as server:
        server.serve("a:1", b"config", b"shared" * 1000, b"one" * 500)
        server.serve("b:1", b"config", b"shared" * 1000, b"two" * 500)
        registry = {"registry_endpoints": {"registry.ollama.ai": server.url}}
        given = staged.args(paths, models=["a:1", "b:1"], source="puller", puller_url=server.url, **registry)
        assert run_module(store_model, given).changed
    outcome = scrub(Path(paths.root))
    assert outcome["scrub"]["store"]["blobs"] == 4
    assert outcome["scrub"]["read"]["blobs"] == 0
    assert (outcome["ok"], outcome["scrub"]["coverage"]["fraction"]) == (True, 1.0)


def test_after_publishing_from_staging_nothing_is_to_be_read(tmp_path):
    paths = staged.ready_store(tmp_path / "store")
    staged.put(paths.staging, "m:1", b"config", b"weights" * 100)
    assert run_module(store_model, staged.args(paths, name="m:1")).changed
    assert read(Path(paths.root)) == 0
