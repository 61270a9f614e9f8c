# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_model`` from staging: twelve steps, what is refused, and what is left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.module_utils.store.publish import Publisher
from ansible_collections.corral.ollama.plugins.modules import store_model
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, put, put_blob

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 1000, b"one" * 500, b"two" * 500


@pytest.fixture
def paths(tmp_path):
    return staged.ready_store(tmp_path / "models")


def visible(paths):
    return {name: data for name, data in files(paths.root).items() if not name.startswith(".corral/")}


def staging(paths):
    return files(paths.staging.root)


def test_create_change_delete(paths):
    first = put(paths.staging, "mistral:7b", CONFIG, SHARED, ONE)
    check, real, again = four_runs(store_model, args(paths, name="mistral:7b"))[:3]
    (row,) = real["models"]
    assert (row["digest"], row["previous_digest"], row["action"]) == (first, "", "publish")
    assert (row["layers_fetched"], row["layers_reused"], row["bytes_fetched"]) == (3, 0, 0)
    assert check["models"][0]["digest"] == first
    assert again["models"][0]["digest"] == first
    assert len(visible(paths)) == 4
    assert staging(paths) == {}

    second = put(paths.staging, "mistral:7b", CONFIG, SHARED, TWO)
    check, real = four_runs(store_model, args(paths, name="mistral:7b"))[:2]
    (row,) = real["models"]
    assert (row["digest"], row["previous_digest"]) == (second, first)
    assert (row["layers_fetched"], row["layers_reused"]) == (1, 2)
    assert real["diff"] == {
        "before": {"models": {"mistral:7b": first}, "staged": []},
        "after": {"models": {"mistral:7b": second}, "staged": []},
    }

    real, again = four_runs(store_model, args(paths, name="mistral:7b", state="absent"))[1:3]
    assert (real["models"][0]["action"], real["models"][0]["previous_digest"]) == ("remove", second)
    assert again["models"][0]["action"] == "none"
    assert os.listdir(paths.manifests) == []
    assert len(os.listdir(paths.blobs)) == 4


def test_check_mode_needs_no_lease_and_writes_nothing(tmp_path):
    paths = staged.ready_store(tmp_path / "models", token="")
    put(paths.staging, "a:1", CONFIG, ONE)
    before = files(paths.root)
    assert run_module(store_model, args(paths, name="a:1", lease_token=""), check=True).changed
    assert files(paths.root) == before


@pytest.mark.parametrize("token", ["", "somebody else"])
def test_without_the_lease_nothing_is_written(paths, token):
    put(paths.staging, "a:1", CONFIG, ONE)
    put(paths, "b:1", CONFIG, TWO)
    before = files(paths.root)
    for more in ({"name": "a:1"}, {"name": "b:1", "state": "absent"}):
        outcome = run_module(store_model, args(paths, lease_token=token, **more))
        assert outcome.kind == "lease_lost"
        assert "held by test" in outcome.msg
    assert files(paths.root) == before


def test_a_second_publisher_is_refused_at_the_last_moment(paths, monkeypatch):
    put(paths.staging, "a:1", CONFIG, ONE)
    before = visible(paths)

    def taken(_self, _path):
        os.unlink(paths.lease)
        LeaseFile(paths).acquire("thief", "", 600, "thief's")

    monkeypatch.setattr(Publisher, "_make_durable", taken)
    outcome = run_module(store_model, args(paths, name="a:1"))
    assert outcome.kind == "lease_lost"
    assert "held by thief" in outcome.msg
    assert visible(paths) == before


def test_several_models_that_share_layers(paths):
    put(paths.staging, "a:1", CONFIG, SHARED, ONE)
    put(paths.staging, "b:1", CONFIG, SHARED, TWO)
    real = four_runs(store_model, args(paths, models=["a:1", {"name": "b:1"}]))[1]
    assert [(row["layers_fetched"], row["layers_reused"]) for row in real["models"]] == [(3, 0), (1, 2)]
    assert staging(paths) == {}


def test_a_bad_blob_is_never_published(paths):
    put(paths.staging, "good:1", CONFIG, TWO)
    put(paths.staging, "bad:1", CONFIG, SHARED, ONE)
    path = Path(paths.staging.blob(digest(SHARED)))
    path.write_bytes(b"X" + SHARED[1:])
    outcome = run_module(store_model, args(paths, models=["good:1", "bad:1"]))
    assert outcome.kind == "digest_mismatch"
    for part in ("bad:1", digest(SHARED), "it hashes to"):
        assert part in outcome.msg
    assert [row["name"] for row in outcome["error"]["models"]] == ["good:1"]
    assert outcome["error"]["not_done"] == ["bad:1"]
    assert sorted(name for name in visible(paths) if name.startswith("manifests")) == [
        "manifests/registry.ollama.ai/library/good/1"
    ]
    assert f"blobs/sha256-{digest(ONE)}" not in visible(paths)


def test_a_bad_blob_of_the_store_is_replaced_by_rename(paths):
    put(paths, "a:1", CONFIG, SHARED, ONE)
    stored = Path(paths.blob(digest(SHARED)))
    stored.write_bytes(b"X" + SHARED[1:])
    with stored.open("rb") as mapped:
        put(paths.staging, "b:1", CONFIG, SHARED, TWO)
        assert run_module(store_model, args(paths, name="b:1")).changed
        assert mapped.read() == b"X" + SHARED[1:]
    assert stored.read_bytes() == SHARED
    assert os.listdir(paths.tmp) == []


def test_a_truncated_blob_of_the_store_is_seen_and_repaired(paths):
    put(paths, "a:1", CONFIG, ONE)
    os.truncate(paths.blob(digest(ONE)), 3)
    assert run_module(store_model, args(paths, name="a:1")).kind == "not_staged"
    put(paths.staging, "a:1", CONFIG, ONE)
    real = four_runs(store_model, args(paths, name="a:1"))[1]
    assert Path(paths.blob(digest(ONE))).read_bytes() == ONE
    assert real["models"][0]["changed"] is True


def test_a_pin_that_does_not_match(paths):
    found = put(paths.staging, "a:1", CONFIG, ONE)
    pinned = "a" * 64
    for check in (True, False):
        outcome = run_module(store_model, args(paths, models=[{"name": "a:1", "digest": pinned}]), check=check)
        assert outcome.kind == "digest_mismatch"
        assert found in outcome.msg
        assert pinned in outcome.msg
    assert visible(paths) == {}
    assert run_module(store_model, args(paths, models=[{"name": "a:1", "digest": found}])).changed


REFUSED = [
    ({"name": "a:1"}, "not_staged"),
    ({"models": ["a:1", "b:1"]}, "not_staged"),
    ({}, "bad_input"),
    ({"name": "../x"}, "bad_input"),
    ({"models": ["x", "X"]}, "bad_input"),
    ({"name": "a:1", "path": "relative"}, "bad_input"),
]


@pytest.mark.parametrize(("more", "kind"), REFUSED)
def test_refused_before_anything_is_done(paths, more, kind):
    put(paths.staging, "c:1", CONFIG, ONE)
    assert run_module(store_model, {**args(paths), **more}).kind == kind
    assert visible(paths) == {}


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"config":{"digest":"sha256:../../x","size":1},"layers":[]}'])
def test_a_staged_manifest_that_cannot_be_trusted(paths, raw):
    staged.put_manifest(paths.staging, "a:1", raw)
    assert run_module(store_model, args(paths, name="a:1")).kind == "bad_manifest"
    assert visible(paths) == {}


@pytest.mark.parametrize("make", ["symlink", "fifo"])
def test_staged_blobs_that_are_no_files(paths, make):
    put(paths.staging, "a:1", CONFIG, ONE)
    path = Path(paths.staging.blob(digest(ONE)))
    path.unlink()
    if make == "symlink":
        path.symlink_to("/etc/passwd")
    else:
        os.mkfifo(path)
    assert run_module(store_model, args(paths, name="a:1")).kind == "digest_mismatch"
    assert visible(paths) == {}


def test_names_are_found_in_any_case(paths):
    put(paths, "MyModel:V1", CONFIG, ONE)
    put(paths.staging, "mymodel:v1", CONFIG, TWO)
    run_module(store_model, args(paths, name="MYMODEL:v1"))
    assert os.listdir(f"{paths.manifests}/registry.ollama.ai/library") == ["MyModel"]
    assert run_module(store_model, args(paths, name="mymodel:V1", state="absent")).changed
    assert os.listdir(paths.manifests) == []


def test_a_broken_manifest_can_be_removed_and_siblings_stay(paths):
    put(paths, "a:1", CONFIG, ONE)
    put(paths, "a:2", CONFIG, TWO)
    staged.put_manifest(paths, "a:1", b"")
    assert run_module(store_model, args(paths, models=[{"name": "a:1", "state": "absent"}])).changed
    assert os.listdir(f"{paths.manifests}/registry.ollama.ai/library/a") == ["2"]


def test_other_devices_and_full_disks_are_told(paths, monkeypatch):
    put(paths.staging, "a:1", CONFIG, ONE)
    for number, kind in ((18, "cross_device"), (28, "no_space"), (30, "read_only_store")):

        def fail(*_args, number=number, **_more):
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch:
            patch.setattr(os, "link", fail)
            outcome = run_module(store_model, args(paths, name="a:1"))
        assert outcome.kind == kind
    assert not [name for name in visible(paths) if name.startswith("manifests")]
    assert run_module(store_model, args(paths, name="a:1")).changed


def test_what_an_interrupted_run_left_in_staging_is_cleared_away(paths):
    put(paths, "a:1", CONFIG, ONE)
    put(paths.staging, "a:1", CONFIG, ONE)
    put(paths.staging, "other:1", SHARED, TWO)
    os.link(paths.blob(digest(put_blob(paths, b"orphan").read_bytes())), paths.staging.blob(digest(b"orphan")))
    real = four_runs(store_model, args(paths, name="a:1"))[1]
    assert {step["action"] for step in real["steps"]} == {"clear_staging"}
    assert real["models"][0]["changed"] is False
    assert sorted(staging(paths)) == sorted(
        [
            f"blobs/sha256-{digest(SHARED)}",
            f"blobs/sha256-{digest(TWO)}",
            "manifests/registry.ollama.ai/library/other/1",
        ]
    )
