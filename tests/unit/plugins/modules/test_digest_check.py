# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``digest_check`` on copies of a store that a real server wrote, with every kind of damage."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
from ansible_collections.corral.ollama.plugins.modules import digest_check
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module

SHARED = "325174f397f0e7fd14c86d0c4fb5b29546759e88bb4013ccb7f422eb9558fc00"
CONFIG = "6554a02243f9001f946d27778b2357450879932b34af4537feb302c40e5192aa"
HOST = "127.0.0.1:5056/library"
TINY1, TINY2, RICH = f"{HOST}/tiny:1b", f"{HOST}/tiny:2", f"{HOST}/rich:latest"


def check(path, **more):
    outcome = run_module(digest_check, {"path": str(path), "on_damage": "report", **more})
    assert not outcome.failed, outcome.msg
    assert not outcome.changed
    return outcome


def blob(path, digest=SHARED):
    return path / "blobs" / f"sha256-{digest}"


def manifest(path, name="tiny/1b"):
    return path / "manifests" / HOST / name


def only(outcome):
    (finding,) = outcome["findings"]
    return finding


def users(path, digest):
    names = [p for p in (path / "manifests").rglob("*") if p.is_file() and digest in p.read_text()]
    return sorted(f"{HOST}/{p.parent.name}:{p.name}" for p in names)


def snapshot(path):
    return sorted((str(p), p.lstat().st_mtime_ns, p.lstat().st_mode, p.lstat().st_ino) for p in path.rglob("*"))


@pytest.mark.parametrize("mode", ["quick", "full"])
def test_a_healthy_store(golden, mode):
    before = snapshot(golden)
    outcome = check(golden, mode=mode)
    assert outcome["ok"] is True
    assert outcome["findings"] == []
    assert len(outcome["models"]) == outcome["stats"]["models"] == 4
    raw = manifest(golden).read_bytes()
    (tiny,) = [model for model in outcome["models"] if model["name"] == TINY1]
    assert tiny["digest"] == hashlib.sha256(raw).hexdigest()
    total = sum(p.stat().st_size for p in (golden / "blobs").iterdir())
    assert outcome["stats"]["bytes_hashed"] == (total if mode == "full" else 0)
    assert snapshot(golden) == before


def flip(path):
    data = bytearray(blob(path).read_bytes())
    data[1000] ^= 1
    blob(path).write_bytes(data)


DAMAGE = {
    "missing": lambda path: blob(path).unlink(),
    "short": lambda path: os.truncate(blob(path), 1000),
    "long": lambda path: blob(path).write_bytes(blob(path).read_bytes() + b"x"),
    "wrong_hash": flip,
    "unreadable": lambda path: (blob(path).unlink(), blob(path).mkdir()),
}


@pytest.mark.parametrize("kind", sorted(DAMAGE))
def test_a_damaged_blob_is_found_with_all_the_models_that_it_affects(golden, kind):
    DAMAGE[kind](golden)
    outcome = check(golden)
    finding = only(outcome)
    assert (finding["kind"], finding["damage"], finding["digest"]) == (kind, True, SHARED)
    assert finding["path"] == f"blobs/sha256-{SHARED}"
    assert sorted(finding["models"]) == users(golden, SHARED)
    bad = sorted(model["name"] for model in outcome["models"] if not model["ok"])
    assert bad == sorted(finding["models"])
    assert 0 < len(bad) < 4
    assert outcome["ok"] is False
    assert check(golden, mode="quick")["ok"] is (kind == "wrong_hash")


@pytest.mark.parametrize("make", ["symlink", "fifo"])
def test_links_and_pipes_are_findings_and_no_hangs(golden, tmp_path, make):
    blob(golden).rename(tmp_path / "elsewhere")
    if make == "symlink":
        blob(golden).symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(blob(golden))
    assert only(check(golden))["kind"] == "unreadable"


def test_an_error_of_the_disk_is_a_finding(golden, monkeypatch):
    real = os.preadv

    def broken(fd, *args):
        if os.readlink(f"/proc/self/fd/{fd}").endswith(SHARED):
            raise OSError(5, "Input/output error")
        return real(fd, *args)

    monkeypatch.setattr(os, "preadv", broken)
    finding = only(check(golden))
    assert (finding["kind"], "Input/output error" in finding["message"]) == ("unreadable", True)


HOSTILE = {
    "empty": b"",
    "cut": b'{"schemaVersion":2,"config":{"medi',
    "braces": b"{}",
    "up": b'{"config":{"digest":"sha256:../../../../../../etc/passwd","size":1},"layers":[]}',
    "absolute": b'{"config":{"digest":"/etc/shadow","size":1},"layers":[]}',
    "upper": json.dumps({"config": {"digest": "sha256:" + SHARED.upper(), "size": 1}, "layers": []}).encode(),
    "deep": b'{"config":' * 50_000,
    "huge": b" " * (5 * 1024 * 1024),
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_manifests_are_findings(golden, kind):
    manifest(golden).write_bytes(HOSTILE[kind])
    outcome = check(golden)
    damage = [finding for finding in outcome["findings"] if finding["damage"]]
    assert [(finding["kind"], finding["models"]) for finding in damage] == [("bad_manifest", [TINY1])]
    assert [model["name"] for model in outcome["models"] if not model["ok"]] == [TINY1]


@pytest.mark.parametrize("make", ["symlink", "fifo", "dangling", "directory"])
def test_manifests_that_are_no_files(golden, tmp_path, make):
    raw = manifest(golden).read_bytes()
    manifest(golden).unlink()
    if make == "symlink":
        (tmp_path / "m").write_bytes(raw)
        manifest(golden).symlink_to(tmp_path / "m")
    elif make == "dangling":
        manifest(golden).symlink_to("/nowhere")
    elif make == "fifo":
        os.mkfifo(manifest(golden))
    else:
        manifest(golden).mkdir()
    kinds = {finding["kind"] for finding in check(golden)["findings"]} - {"orphan"}
    assert kinds == {"stray" if make == "directory" else "bad_manifest"}


def test_a_link_to_a_directory_is_not_entered(golden, tmp_path):
    (golden / "manifests" / HOST / "linked").symlink_to(golden / "manifests" / HOST / "tiny")
    (golden / "manifests" / "loop").symlink_to(golden)
    outcome = check(golden)
    assert [finding["kind"] for finding in outcome["findings"]] == ["bad_name", "bad_name"]
    assert len(outcome["models"]) == 4


OTHERS = [
    ("blobs/README", "stray", False),
    ("blobs/sha256-" + "F" * 64, "stray", False),
    ("blobs/COPY12345", "stray", False),
    ("blobs/sub/file", "stray", False),
    (f"blobs/sha256-{SHARED}-partial", "partial", False),
    (f"blobs/sha256-{SHARED}-partial-12", "partial", False),
    (f"blobs/sha256-{SHARED}.tmp", "partial", False),
    (f"blobs/sha256:{SHARED}", "bad_name", True),
    ("blobs/sha256-" + hashlib.sha256(b"x").hexdigest(), "orphan", False),
    ("manifests/README", "stray", False),
    ("manifests/h/n/README", "stray", False),
    (f"manifests/{HOST}/tiny/.hidden", "bad_name", True),
    (f"manifests/{HOST}/tiny/a b", "bad_name", True),
    (f"manifests/{HOST}/tiny/bell\a", "bad_name", True),
]


@pytest.mark.parametrize(("name", "kind", "damage"), OTHERS)
def test_what_does_not_belong_there(golden, name, kind, damage):
    (golden / name).parent.mkdir(parents=True, exist_ok=True)
    (golden / name).write_bytes(b"x")
    outcome = check(golden)
    finding = only(outcome)
    assert (finding["kind"], finding["damage"]) == (kind, damage)
    assert outcome["ok"] is not damage
    assert all(model["ok"] for model in outcome["models"])


def test_names_that_are_no_text_and_empty_directories(golden):
    (golden / "manifests" / "empty").mkdir()
    with open(os.fsencode(golden / "blobs") + b"/\xff\xfe", "wb"):
        pass
    os.mkdir(os.fsencode(golden / "manifests") + b"/\xff")
    kinds = sorted(finding["kind"] for finding in check(golden)["findings"])
    assert kinds == ["bad_name", "stray", "stray"]


def test_own_files_in_the_root_are_left_alone(golden):
    (golden / ".corral").mkdir()
    (golden / ".corral.lease").write_text("{}")
    assert check(golden)["findings"] == []
