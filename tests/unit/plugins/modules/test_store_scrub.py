# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_scrub``: what it reads, believes and reports, on a store that a real server wrote."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.receipts import Receipt
from ansible_collections.corral.ollama.plugins.module_utils.glue import scrub as glue
from ansible_collections.corral.ollama.plugins.module_utils.store import scrub_files, scrubber
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile, stamp_of
from ansible_collections.corral.ollama.plugins.modules import store_model, store_scrub
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_puller import FakePuller
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

KEYS = ["changed", "diff", "findings", "models", "ok", "planned", "scrub", "steps", "summary", "warnings"]


@pytest.fixture
def store(golden):
    """The golden store, made Corral's."""
    staged.ready_store(golden, token="")
    return golden


def scrub(path, check=False, **more):
    outcome = run_module(store_scrub, {"path": str(path), "on_damage": "report", **more}, check=check)
    assert not outcome.failed, outcome.msg
    assert not outcome.changed
    assert sorted(outcome.result) == KEYS
    return outcome


def read(path, **more):
    """How many blobs a scrub reads."""
    return scrub(path, **more)["scrub"]["read"]["blobs"]


def size_of(path):
    return sum(p.stat().st_size for p in (path / "blobs").iterdir())


def count_of(path):
    return len(list((path / "blobs").iterdir()))


def kept(path, name="scrub.json"):
    return json.loads((path / ".corral" / name).read_text())


def test_the_first_reads_all_and_the_second_nothing(store):
    count, size = count_of(store), size_of(store)
    predicted = scrub(store, check=True)
    assert predicted["planned"] == {"blobs": count, "bytes": size}
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


def test_a_full_scrub_in_portions(store):
    total = count_of(store)
    first = scrub(store, mode="full", max_bytes=1)["scrub"]
    assert (first["read"]["blobs"], first["stopped_by"], first["complete"]) == (1, "max_bytes", False)
    assert first["left"]["blobs"] == total - 1
    assert kept(store, "scrub-state.json")["full_since"] > 0
    assert read(store, max_bytes=1) == 1, "incremental ones in between count as well"
    last = scrub(store, mode="full")["scrub"]
    assert (last["read"]["blobs"], last["complete"], last["left"]["blobs"]) == (total - 2, True, 0)
    assert kept(store, "scrub-state.json")["full_since"] == 0.0
    assert read(store, mode="full") == total


def test_a_share_in_each_run_covers_everything(store):
    scrub(store)
    began = time.time()
    sizes = []
    for _ in range(3):
        result = scrub(store, part="1/3")["scrub"]
        sizes.append(result["read"]["bytes"])
        assert result["complete"] is True
    assert sum(sizes) >= size_of(store)
    assert result["coverage"]["oldest_verified_at"] >= began - 0.01
    assert result["last_full_at"] >= began - 0.01
    assert len(kept(store, "scrub-state.json")["part_runs"]) == 3


def test_a_run_by_part_that_was_cut_short_is_none(store):
    scrub(store)
    assert scrub(store, part="1/2", max_bytes=1)["scrub"]["stopped_by"] == "max_bytes"
    assert kept(store, "scrub-state.json")["part_runs"] == []


def test_what_is_older_than_an_age(store):
    scrub(store)
    assert read(store, max_age=3600) == 0
    assert read(store, max_age=0.000001) == count_of(store)


def test_time_that_is_up_ends_it_before_the_next_blob(store, monkeypatch):
    monkeypatch.setattr(glue, "Throttle", lambda limits: scrubber.Throttle(limits, clock=iter(range(10**6)).__next__))
    result = scrub(store, mode="full", max_seconds=6, threads=1)["scrub"]
    assert 0 < result["read"]["blobs"] < count_of(store)
    assert (result["stopped_by"], result["complete"]) == ("max_seconds", False)


def test_a_load_above_the_threshold_ends_it_with_what_it_has(store, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    outcome = scrub(store, max_load=4, load_wait=0)
    assert (outcome["scrub"]["stopped_by"], outcome["scrub"]["read"]["blobs"]) == ("max_load", 0)
    assert outcome["ok"] is True
    assert any("ended by max_load" in line for line in outcome["summary"])


def test_receipts_from_the_future_are_told_and_read_again(store):
    scrub(store)
    paths = store_at(str(store))
    late = [Receipt(r.digest, r.found, r.stamp, time.time() + 1e6) for r in ReceiptFile(paths).load().values()]
    ReceiptFile(paths).append(late)
    for check in (True, False):
        outcome = scrub(store, check=check)
        (warning,) = outcome["warnings"]
        assert f"{len(late)} receipts are dated after now" in warning
        assert "clock" in warning
        assert outcome["scrub"]["receipts_from_future"] == outcome["planned"]["blobs"] == len(late)
    assert scrub(store)["warnings"] == []


def test_a_clock_that_went_back_forgets_what_is_of_tomorrow(store):
    scrub(store)
    (store / ".corral" / "scrub-state.json").write_text('{"schema":1,"full_since":9e12,"part_runs":[9e12]}')
    result = kept(store)
    (store / ".corral" / "scrub.json").write_text(json.dumps({**result, "last_full_at": 9e12}))
    seen = scrub(store, mode="full")["scrub"]
    assert (seen["read"]["blobs"], seen["last_full_at"] < time.time()) == (count_of(store), True)


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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"part": "1/0"}, "part is '1/0'"),
        ({"part": "1/7", "mode": "full"}, "incremental"),
        ({"max_bytes": -1, "wait": -1, "threads": 99, "nice": -5}, "nice is -5"),
        ({"max_seconds": float("nan")}, "max_seconds"),
        ({"path": "/"}, "cannot be a store"),
    ],
)
def test_options_that_cannot_be_meant(store, options, words):
    outcome = run_module(store_scrub, {"path": str(store), **options})
    assert (outcome.failed, outcome.kind) == (True, "bad_input")
    assert words in outcome.msg


def test_many_findings_are_counted_and_not_all_listed(store, monkeypatch):
    monkeypatch.setattr(glue, "MAX_FINDINGS", 3)
    flip(store)
    for number in range(10):
        (store / "blobs" / f"stray-{number}").write_text("")
    outcome = scrub(store)
    assert len(outcome["findings"]) == 3
    assert outcome["findings"][0]["damage"] is True
    assert outcome["scrub"]["findings_by_kind"] == {"stray": 10, "wrong_hash": 1}
    assert "11 findings" in outcome["warnings"][0]


def test_a_journal_that_has_grown_is_made_small(store, monkeypatch):
    monkeypatch.setattr(scrub_files, "_LARGE", 0)
    monkeypatch.setattr(scrub_files, "_LINE", 1)
    for _ in range(3):
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
