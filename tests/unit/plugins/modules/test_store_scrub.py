# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_scrub``: what it reads, believes and reports, on a store that a real server wrote."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.receipts import Receipt
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile, stamp_of
from ansible_collections.corral.ollama.plugins.modules import store_scrub
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.plugins.modules.test_digest_check import (
    DAMAGE,
    HOSTILE,
    OTHERS,
    SHARED,
    TINY1,
    blob,
    flip,
    manifest,
    users,
)
from ansible_collections.corral.ollama.tests.unit.scrubbed import count_of, kept, read, scrub, size_of


@pytest.fixture
def store(golden):
    """The golden store, made Corral's."""
    staged.ready_store(golden, token="")
    return golden


def test_the_first_reads_all_and_the_second_nothing(store):
    count, size = count_of(store), size_of(store)
    predicted = scrub(store, check=True)
    assert predicted["planned"] == {"blobs": count, "bytes": size}
    assert f"to be read: {count} blobs" in predicted["summary"][1]
    assert not any("run it again" in line for line in predicted["summary"])
    assert not (store / ".corral" / "receipts.jsonl").exists()
    first = scrub(store)
    assert first["planned"] == predicted["planned"]
    assert (first["ok"], first["findings"], len(first["models"])) == (True, [], 4)
    result = first["scrub"]
    assert (result["complete"], result["stopped_by"], result["read"]["blobs"]) == (True, "", count)
    assert (result["read"]["bytes"], result["store"]["bytes"]) == (size, size)
    assert result["coverage"]["fraction"] == 1.0
    assert 0 < result["started_at"] <= result["coverage"]["oldest_verified_at"] <= result["ended_at"] <= time.time()
    assert result["last_full_at"] == result["coverage"]["oldest_verified_at"]
    assert kept(store) == result
    again = scrub(store)
    assert again["planned"]["blobs"] == again["scrub"]["read"]["blobs"] == 0
    assert again["scrub"]["coverage"] == result["coverage"]
    assert "read: nothing" in " ".join(again["summary"])


def test_what_was_touched_is_read_again(store):
    scrub(store)
    one, two = sorted((store / "blobs").iterdir())[:2]
    os.utime(one)
    two.write_bytes(two.read_bytes())
    assert read(store) == 2
    assert read(store) == 0


@pytest.mark.parametrize("mode", ["incremental", "full"])
@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_damage_is_found_with_the_models_that_it_affects(store, kind, mode):
    DAMAGE[kind](store)
    outcome = scrub(store, mode=mode)
    (finding,) = outcome["findings"]
    assert (finding["kind"], finding["damage"], finding["digest"]) == (kind, True, SHARED)
    assert sorted(finding["models"]) == users(store, SHARED) == outcome["scrub"]["models_affected"]
    assert outcome["scrub"]["findings_by_kind"] == {kind: 1}
    assert (outcome["ok"], outcome["scrub"]["ok"], outcome["scrub"]["complete"]) == (False, False, True)
    assert "DAMAGED" in outcome["summary"][0]
    assert any(users(store, SHARED)[0] in line for line in outcome["summary"])


@pytest.mark.parametrize("mode", ["quick", "incremental"])
def test_known_damage_is_reported_without_reading_it_again(store, mode):
    flip(store)
    scrub(store)
    outcome = scrub(store, mode=mode)
    assert outcome["scrub"]["read"]["blobs"] == 0
    assert [finding["kind"] for finding in outcome["findings"]] == ["wrong_hash"]
    assert scrub(store, check=True)["ok"] is False


def test_rot_that_leaves_no_trace_is_found_by_a_full_scrub_only(store):
    """The bytes on the disk change, and nothing else does."""
    scrub(store)
    paths, path = store_at(str(store)), blob(store)
    flip(store)
    old = ReceiptFile(paths).load()[SHARED]
    ReceiptFile(paths).append([Receipt(SHARED, SHARED, stamp_of(str(path)), old.verified_at)])
    assert scrub(store)["ok"] is True
    outcome = scrub(store, mode="full")
    assert [finding["kind"] for finding in outcome["findings"]] == ["wrong_hash"]
    assert scrub(store)["ok"] is False


def test_a_repaired_blob_is_read_and_whole(store):
    good = blob(store).read_bytes()
    flip(store)
    assert scrub(store)["ok"] is False
    blob(store).unlink()
    blob(store).write_bytes(good)
    outcome = scrub(store)
    assert (outcome["ok"], outcome["scrub"]["read"]["blobs"]) == (True, 1)


def test_damage_fails_and_names_the_playbook_repair(store):
    flip(store)
    outcome = run_module(store_scrub, {"path": str(store)})
    assert (outcome.failed, outcome.kind) == (True, "store_damaged")
    assert "corral.ollama.repair" in outcome.msg
    assert TINY1 in outcome.msg
    error = outcome["error"]
    assert error["ok"] is False
    assert error["scrub"] == kept(store)
    assert error["findings"][0]["digest"] == SHARED
    assert not run_module(store_scrub, {"path": str(store)}, check=True).failed


def test_an_error_of_the_disk_is_a_finding_and_read_again(store, monkeypatch):
    real = os.preadv

    def broken(fd, *args):
        if os.readlink(f"/proc/self/fd/{fd}").endswith(SHARED):
            raise OSError(5, "Input/output error")
        return real(fd, *args)

    with monkeypatch.context() as patched:
        patched.setattr(os, "preadv", broken)
        outcome = scrub(store)
        assert outcome["findings"][0]["kind"] == "unreadable"
        assert "Input/output error" in outcome["findings"][0]["message"]
        assert outcome["scrub"]["complete"] is True
        assert outcome["scrub"]["coverage"]["never_verified"] == 1
        assert outcome["scrub"]["last_full_at"] == 0.0
    assert read(store) == 1
    assert scrub(store)["ok"] is True


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_manifests_are_findings(store, kind):
    manifest(store).write_bytes(HOSTILE[kind])
    outcome = scrub(store)
    damage = [finding for finding in outcome["findings"] if finding["damage"]]
    assert [(finding["kind"], finding["models"]) for finding in damage] == [("bad_manifest", [TINY1])]


@pytest.mark.parametrize(("name", "kind", "damage"), OTHERS)
def test_what_does_not_belong_there(store, name, kind, damage):
    (store / name).parent.mkdir(parents=True, exist_ok=True)
    (store / name).write_bytes(b"x")
    outcome = scrub(store)
    assert [(finding["kind"], finding["damage"]) for finding in outcome["findings"]] == [(kind, damage)]


@pytest.mark.parametrize("make", ["symlink", "fifo", "directory"])
def test_what_is_no_file_is_neither_read_nor_waited_for(store, tmp_path, make):
    blob(store).rename(tmp_path / "elsewhere")
    if make == "symlink":
        blob(store).symlink_to(tmp_path / "elsewhere")
    elif make == "fifo":
        os.mkfifo(blob(store))
    else:
        blob(store).mkdir()
    outcome = scrub(store, mode="full")
    assert [finding["kind"] for finding in outcome["findings"]] == ["unreadable"]
    assert outcome["scrub"]["read"]["blobs"] == count_of(store) - 1
    assert outcome["scrub"]["coverage"]["fraction"] == 1.0
