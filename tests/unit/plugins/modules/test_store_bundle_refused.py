# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_bundle``: what it refuses, with which words, and that nothing is written then."""

from __future__ import annotations

import os

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store import bundle_staging, bundles
from ansible_collections.corral.ollama.plugins.modules import store_bundle
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.bundled import export, model_members, tarred
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, put, put_blob

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500


@pytest.fixture
def source(tmp_path):
    paths = staged.ready_store(tmp_path / "source", token="")
    put(paths, "a:1", CONFIG, SHARED, ONE)
    put(paths, "me/b:2", CONFIG, SHARED, TWO)
    return paths


@pytest.fixture
def target(tmp_path):
    return staged.ready_store(tmp_path / "target")


@pytest.fixture
def bundle(tmp_path, source):
    export(source, tmp_path / "b.tar", "a:1", "me/b:2")
    return tmp_path / "b.tar"


def exporting(paths, bundle, **more):
    return {"path": paths.root, "bundle": str(bundle), "state": "exported", **more}


def importing(paths, bundle, **more):
    return args(paths, bundle=str(bundle), state="imported", **more)


def visible(paths):
    return {name: data for name, data in files(paths.root).items() if not name.startswith(".corral/")}


@pytest.mark.parametrize("damage", ["not there", "size", "manifest", "pin"])
def test_what_is_not_whole_is_not_exported(source, tmp_path, damage):
    models = ["a:1", "me/b:2", *(["c:1"] if damage == "not there" else [])]
    if damage == "size":
        os.truncate(source.blob(digest(ONE)), 3)
    elif damage == "manifest":
        staged.put_manifest(source, "a:1", b"{}")
    elif damage == "pin":
        models[0] = {"name": "a:1", "digest": "a" * 64}
    outcome = run_module(store_bundle, exporting(source, tmp_path / "b.tar", models=models))
    assert outcome.kind == "not_exportable"
    assert ("c:1" if damage == "not there" else "a:1") in outcome.msg
    assert not (tmp_path / "b.tar").exists()


def test_a_rotten_blob_ends_the_export(source, tmp_path):
    put_blob(source, ONE).write_bytes(b"X" + ONE[1:])
    outcome = run_module(store_bundle, exporting(source, tmp_path / "b.tar"))
    assert outcome.kind == "store_damaged"
    assert outcome["error"]["models"] == ["a:1"]
    assert sorted(os.listdir(tmp_path)) == ["source"]


def test_a_file_that_is_no_bundle_is_never_written_over(source, tmp_path):
    for name, kind in (("passwd", "bad_bundle"), ("link", "not_a_file")):
        path = tmp_path / name
        path.write_text("root") if name == "passwd" else path.symlink_to(tmp_path / "passwd")
        outcome = run_module(store_bundle, exporting(source, path))
        assert outcome.kind == kind
        assert "not written over" in outcome.msg
    assert (tmp_path / "passwd").read_text() == "root"


def test_no_room_is_known_before_a_byte_is_written(source, target, bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "statvfs", lambda _path: type("S", (), {"f_bavail": 3, "f_frsize": 1000, "f_blocks": 9}))
    for given in (exporting(source, tmp_path / "new.tar"), importing(target, bundle)):
        for check in (True, False):
            outcome = run_module(store_bundle, given, check=check)
            assert outcome.kind == "no_space"
            assert "3.0 kB free" in outcome.msg
    assert not (tmp_path / "new.tar").exists()
    assert visible(target) == {}


def test_a_disk_that_fills_up_while_it_copies(target, bundle, monkeypatch):
    def full(_fd, _data):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(bundles.os, "write", full)
        patch.setattr(bundle_staging.os, "open", os.open)
        outcome = run_module(store_bundle, importing(target, bundle))
    assert outcome.kind == "no_space"
    assert visible(target) == {}
    assert files(target.staging.root) == {}
    assert run_module(store_bundle, importing(target, bundle)).changed


REFUSED = [
    {"bundle": "relative.tar"},
    {"bundle": "/srv/"},
    {"bundle": "{store}/b.tar"},
    {"bundle": "/no/such/folder/b.tar"},
    {"models": [{"name": "a:1", "state": "absent"}]},
    {"models": ["../x"]},
    {"bytes_per_second": -1},
]


@pytest.mark.parametrize("more", REFUSED)
def test_refused(source, tmp_path, more):
    given = {**exporting(source, tmp_path / "b.tar"), **more}
    given["bundle"] = given["bundle"].format(store=source.root)
    assert run_module(store_bundle, given).kind == "bad_input"


def test_an_empty_store_gives_no_bundle(target, tmp_path):
    assert run_module(store_bundle, exporting(target, tmp_path / "b.tar")).kind == "bad_input"


def test_a_hostile_bundle_is_refused_and_nothing_is_written(target, tmp_path):
    spoilt = model_members("a:1", CONFIG, ONE)
    spoilt[2][0].name = "../../../../etc/cron.d/x"
    before = files(target.root)
    outcome = run_module(store_bundle, importing(target, tarred(tmp_path / "x.tar", spoilt)))
    assert outcome.kind == "bad_bundle"
    assert "etc/cron.d" in outcome.msg
    assert files(target.root) == before
