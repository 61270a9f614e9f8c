# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_prune`` on stores made by hand: what goes, what waits and what stays; and the twelve steps."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import pruning
from ansible_collections.corral.ollama.plugins.module_utils.store.known import forget, remember
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.module_utils.store.quarantine import set_aside
from ansible_collections.corral.ollama.plugins.modules import store_prune
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, manifest_of, put, put_blob

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 5000, b"two" * 5000
PARTIAL = "sha256-" + "c" * 64 + "-partial"
NOW = {"min_age": 0, "partial_age": 0, "quarantine_age": 0}


@pytest.fixture
def paths(tmp_path):
    """A store with one model, whose blobs must survive whatever is done."""
    paths = staged.ready_store(tmp_path / "store")
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
    import time

    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)


def update(paths, name="m:1", old=(CONFIG, SHARED, ONE), new=(CONFIG, SHARED, TWO)):
    """A model that was published anew, as the Publisher does it; returns the old digest."""
    before = put(paths, name, *old)
    remember(paths, parse_name(name), manifest_of(*new))
    put(paths, name, *new)
    return before


def test_a_store_without_rubbish(paths):
    outcome = prune(paths, **NOW, models=["m:1"], undeclared=True)
    assert not outcome.changed
    assert (outcome["candidates"], outcome["bytes_reclaimable"]) == ([], 0)


def test_an_orphan_is_marked_first_and_goes_when_it_is_old_enough(paths, monkeypatch):
    path = orphan(paths)
    check = prune(paths, check=True)
    assert kinds(check, "wait") == ["orphan"]
    assert "for the first time" in check["candidates"][0]["why"]
    assert not os.path.exists(paths.prune_marks)
    check, real, _again, _last = four_runs(store_prune, args(paths))
    assert [step["action"] for step in real["steps"]] == ["mark"]
    assert path.exists()

    age(monkeypatch, 86000)
    assert not prune(paths).changed
    age(monkeypatch, 1000)
    check, real, _again, _last = four_runs(store_prune, args(paths))
    assert check["bytes_reclaimable"] == real["bytes_freed"] == 16384
    assert not path.exists()
    assert not os.path.exists(paths.prune_marks)


def test_a_blob_that_comes_back_into_use_and_falls_out_again_waits_anew(paths, monkeypatch):
    path = orphan(paths)
    prune(paths)
    put(paths, "n:1", CONFIG, ONE)
    assert prune(paths).changed
    Path(paths.manifest(parse_name("n:1"))).unlink()
    age(monkeypatch, 90000)
    assert kinds(prune(paths), "wait") == ["orphan"]
    assert path.exists()


def test_another_file_under_a_marked_name_waits_anew(paths, monkeypatch):
    path = orphan(paths)
    prune(paths)
    path.rename(path.with_name("kept-so-that-its-inode-stays"))
    path.write_bytes(b"new")
    age(monkeypatch, 90000)
    assert "orphan" in kinds(prune(paths), "wait")


@pytest.mark.parametrize(
    "junk",
    [b"", b"{", b"[]", b'{"schema":1,"marks":[]}', b'{"schema":2,"marks":{}}', b'{"schema":1,"marks":{"x":3}}']
    + [b'{"schema":1,"marks":{"blobs/x":{"first_seen":-1,"inode":1,"size":true}}}', b"[" * 100000],
)
def test_marks_that_are_none_are_made_anew(paths, junk):
    orphan(paths)
    Path(paths.prune_marks).write_bytes(junk)
    assert kinds(prune(paths), "wait") == ["orphan"]
    assert b'"first_seen"' in Path(paths.prune_marks).read_bytes()


def test_layers_of_an_updated_model_need_no_mark(paths, monkeypatch):
    update(paths)
    first = prune(paths)
    assert (kinds(first, "wait"), kinds(first, "keep")) == (["orphan"], ["past"])
    assert not prune(paths).changed
    age(monkeypatch, 90000)
    _check, real, _again, _last = four_runs(store_prune, args(paths))
    assert kinds(real) == ["orphan", "past"]
    assert os.listdir(paths.past) == []
    assert Path(paths.blob(digest(TWO))).exists()


def test_layers_of_an_updated_model_stay_until_every_instance_has_moved(paths, monkeypatch):
    old = update(paths)
    age(monkeypatch, 90000)
    outcome = prune(paths, running_digests=[old, "sha256:" + old])
    assert (kinds(outcome, "wait"), kinds(outcome, "keep")) == (["orphan"], ["past"])
    assert "still has a model loaded" in outcome["candidates"][0]["why"]
    assert not outcome.changed
    outcome = prune(paths, unasked=["ollama-server-3"])
    assert "ollama-server-3 could not be asked" in outcome["candidates"][0]["why"]
    for odd in ("f" * 64, "", "../../etc"):
        assert not prune(paths, running_digests=[odd]).changed
    assert prune(paths).changed


def test_undeclared_models_go_only_if_asked_and_their_blobs_later(paths, monkeypatch):
    put(paths, "old:1", CONFIG, SHARED, ONE)
    put(paths, "gone:1", CONFIG, TWO)
    declared = {"models": ["M:1", {"name": "gone:1", "state": "absent"}]}
    assert kinds(prune(paths, **declared), "keep") == ["model", "model"]
    check, real, _again, _last = four_runs(store_prune, args(paths, **declared, undeclared=True))
    assert "Removing gone:1, old:1 affects every instance" in real["warnings"][0]
    assert check["warnings"] == real["warnings"]
    assert real["bytes_waiting"] == 2 * 16384
    assert sorted(os.listdir(os.path.join(paths.manifests, "registry.ollama.ai", "library"))) == ["m"]
    assert {p.name for p in Path(paths.blobs).iterdir()} >= {f"sha256-{digest(data)}" for data in (ONE, TWO)}
    age(monkeypatch, 90000)
    assert kinds(prune(paths, **declared)) == ["orphan", "orphan", "past", "past"]


def test_nothing_declared_and_undeclared_is_refused(paths):
    outcome = run_module(store_prune, args(paths, undeclared=True))
    assert (outcome.failed, outcome.kind) == (True, "bad_input")


def put_partials(folder):
    for name in (PARTIAL, f"{PARTIAL}-0", f"{PARTIAL}-1", f"{PARTIAL}-10"):
        (Path(folder) / name).write_bytes(b"{}")


def rubbish(paths):
    """One of everything that has no manifest."""
    put_partials(paths.blobs)
    put_partials(paths.staging.blobs)
    put(paths.staging, "x/y:1", b"staged")
    for name in ("sha256-123456789", "COPY42", "README"):
        (Path(paths.blobs) / name).write_bytes(b"x")
    (Path(paths.tmp) / "tmpabc").write_bytes(b"x")
    (Path(paths.blobs) / "sha256-bad").write_bytes(b"damaged")
    set_aside(paths, os.path.join(paths.blobs, "sha256-bad"), kind="wrong_hash", digest="d" * 64)


def test_everything_else_goes_by_age(paths, monkeypatch):
    rubbish(paths)
    left = ["partial", "quarantine", "staged", "staged", "staged", "temp", "temp", "temp"]
    outcome = prune(paths, quarantine_age=86400)
    assert (kinds(outcome), kinds(outcome, "wait"), kinds(outcome, "keep")) == ([], left, ["stray"])
    assert not outcome.changed
    age(monkeypatch, 86500)
    assert not prune(paths, pullers=["ollama-puller"], quarantine_age=90000).changed
    check, real, _again, _last = four_runs(store_prune, args(paths, quarantine_age=86400))
    assert kinds(real) == left
    assert real["bytes_freed"] == check["bytes_reclaimable"] > 0
    assert sorted(p.name for p in Path(paths.blobs).iterdir() if digest(p.read_bytes()) not in p.name) == ["README"]
    assert os.listdir(paths.quarantine) == os.listdir(paths.tmp) == os.listdir(paths.staging.manifests) == []


def test_parts_go_before_their_data(paths, monkeypatch):
    put_partials(paths.blobs)
    gone, real = [], os.unlink
    monkeypatch.setattr(os, "unlink", lambda path: (gone.append(os.path.basename(path)), real(path)))
    prune(paths, partial_age=0)
    assert [name for name in gone if "partial" in name] == [f"{PARTIAL}-10", f"{PARTIAL}-1", f"{PARTIAL}-0", PARTIAL]


def test_what_a_young_staged_manifest_names_stays(paths, monkeypatch):
    put(paths.staging, "x:1", CONFIG, ONE)
    manifest = Path(paths.staging.manifest(parse_name("x:1")))
    age(monkeypatch, 90000)
    os.utime(manifest, (manifest.stat().st_mtime + 80000,) * 2)
    assert kinds(prune(paths), "wait") == ["staged"] * 3


def test_times_in_the_future_do_not_count(paths):
    for path in (orphan(paths), put_blob(paths.staging, ONE)):
        os.utime(path, (4e9, 4e9))
    mark = {"first_seen": 4e9, "inode": os.stat(paths.blob(digest(ONE))).st_ino, "size": len(ONE)}
    marks = {"schema": 1, "marks": {f"blobs/sha256-{digest(ONE)}": mark}}
    Path(paths.prune_marks).write_text(json.dumps(marks))
    outcome = prune(paths)
    assert [row["age"] for row in outcome["candidates"]] == [pytest.approx(0, abs=5)] * 2
    assert b"4000000000" not in Path(paths.prune_marks).read_bytes()
    assert "staged" in kinds(prune(paths, partial_age=0))


def test_what_the_store_still_lacks_stays_in_quarantine(paths):
    blob = Path(put(paths, "n:1", CONFIG, ONE) and paths.blob(digest(ONE)))
    aside = set_aside(paths, str(blob), kind="wrong_hash", digest=digest(ONE))
    outcome = prune(paths, **NOW)
    assert "run the playbook repair first" in outcome["candidates"][0]["why"]
    put_blob(paths, ONE)
    assert kinds(prune(paths, **NOW)) == ["quarantine"]
    assert not os.path.exists(aside)


def test_a_goal_for_free_space_takes_the_oldest_first(paths, monkeypatch):
    old = orphan(paths)
    prune(paths)
    age(monkeypatch, 50000)
    young = orphan(paths, TWO)
    prune(paths)
    age(monkeypatch, 90000)
    free = prune(paths, check=True)["free_bytes"]
    assert not prune(paths, free_goal_bytes=1).changed
    monkeypatch.setattr(store_prune.prepare_prune.__globals__["space"].__globals__["os"], "statvfs", lambda _path: FS)
    assert kinds(prune(paths, free_goal_bytes=1_000_001)) == ["orphan"]
    assert (old.exists(), young.exists()) == (False, True)
    assert free > 0


class FS:
    f_bavail, f_frsize, f_blocks = 1_000_000, 1, 2_000_000


def test_a_file_with_further_links_frees_nothing(paths, tmp_path):
    os.link(orphan(paths), tmp_path / "elsewhere")
    put_blob(paths, TWO)
    os.link(paths.blob(digest(TWO)), paths.staging.blob(digest(TWO)))
    check = prune(paths, check=True, **NOW)
    assert check["bytes_reclaimable"] == 16384
    assert prune(paths, **NOW)["bytes_freed"] == 16384


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


@pytest.mark.parametrize(("more", "kind"), [({"path": "/nowhere"}, "no_store"), ({"min_age": -1}, "bad_input")])
def test_failures_speak(paths, more, kind):
    outcome = run_module(store_prune, {**args(paths), **more})
    assert (outcome.failed, outcome.kind) == (True, kind)
