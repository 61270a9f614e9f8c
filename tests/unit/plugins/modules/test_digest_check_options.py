# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``digest_check``: which models, which rights, how it ends."""

from __future__ import annotations

import hashlib
import os

import pytest
from ansible_collections.corral.ollama.plugins.modules import digest_check
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module

HOST = "127.0.0.1:5056/library"
WEIGHTS = "3b2fcfef3c91ea89928ea2c8457107f39b0c582e0f2a7e230b08b3999c7d63d1"


def check(path, **more):
    return run_module(digest_check, {"path": str(path), **more})


def test_damage_fails_and_the_error_carries_the_report(golden):
    (golden / "blobs" / f"sha256-{WEIGHTS}").unlink()
    for check_mode in (True, False):
        outcome = run_module(digest_check, {"path": str(golden)}, check=check_mode)
        assert outcome.kind == "store_damaged"
        for part in (str(golden), "nomic-embed-text:v1.5", WEIGHTS, "is missing", "corral.ollama.repair"):
            assert part in outcome.msg
        assert outcome["error"]["findings"][0]["kind"] == "missing"
        assert outcome["error"]["stats"]["models"] == 4


def test_twelve_steps_of_a_module_that_only_looks(golden):
    results = [run_module(digest_check, {"path": str(golden)}, check=check_mode) for check_mode in (True, False) * 2]
    assert [outcome.changed for outcome in results] == [False] * 4
    for outcome in results:
        stats = outcome.result.pop("stats")
        assert stats["blobs"] == 14
    assert [outcome.result for outcome in results] == [results[0].result] * 4


def test_only_some_models(golden):
    (golden / "blobs" / f"sha256-{WEIGHTS}").unlink()
    (golden / "blobs" / "README").write_text("x")
    outcome = check(golden, models=[f"{HOST}/TINY:1b"])
    assert outcome["ok"] is True
    assert outcome["findings"] == []
    assert [model["name"] for model in outcome["models"]] == [f"{HOST}/tiny:1b"]
    assert outcome["stats"]["blobs"] == 3
    assert check(golden, models=[f"{HOST}/nomic-embed-text:v1.5"]).kind == "store_damaged"


def test_a_declared_model_that_is_not_there(golden):
    outcome = check(golden, models=["mistral:7b"])
    assert outcome.kind == "store_damaged"
    assert "mistral:7b has no manifest" in outcome.msg
    assert check(golden, models=[{"name": "mistral:7b", "state": "absent"}])["ok"] is True


def test_a_pinned_model(golden):
    raw = (golden / "manifests" / HOST / "tiny/1b").read_bytes()
    good, bad = hashlib.sha256(raw).hexdigest(), "a" * 64
    assert check(golden, models=[{"name": f"{HOST}/tiny:1b", "digest": good}])["ok"] is True
    outcome = check(golden, models=[{"name": f"{HOST}/tiny:1b", "digest": bad}])
    assert outcome.kind == "store_damaged"
    assert good[:12] in outcome.msg
    assert bad[:12] in outcome.msg


def test_owner_and_modes(golden):
    uid = str(os.getuid())
    rights = {"expect_owner": uid, "expect_file_mode": "0644", "expect_directory_mode": "0755"}
    for path in golden.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    golden.chmod(0o755)
    assert check(golden, **rights)["ok"] is True
    (golden / "blobs").chmod(0o700)
    (golden / "blobs" / f"sha256-{WEIGHTS}").chmod(0o600)
    outcome = check(golden, **rights, on_damage="report")
    assert [(finding["kind"], finding["path"]) for finding in outcome["findings"]] == [
        ("wrong_mode", "blobs"),
        ("wrong_mode", f"blobs/sha256-{WEIGHTS}"),
    ]
    outcome = check(golden, expect_owner="12345", on_damage="report")
    assert {finding["kind"] for finding in outcome["findings"]} == {"wrong_owner"}


@pytest.mark.parametrize("break_it", ["nothing there", "no blobs", "no manifests", "a file", "a link"])
def test_no_store(golden, tmp_path, break_it):
    path = golden
    if break_it == "nothing there":
        path = tmp_path / "none"
    elif break_it == "a file":
        path = tmp_path / "file"
        path.write_text("x")
    elif break_it == "a link":
        path = tmp_path / "link"
        path.symlink_to(golden)
    else:
        (golden / break_it.split()[1]).rename(tmp_path / "away")
    outcome = check(path)
    assert outcome.kind == "no_store"
    assert str(path) in outcome.msg


BAD = [
    {"threads": -1},
    {"expect_owner": "nobody-of-that-name"},
    {"expect_file_mode": "rw"},
    {"expect_directory_mode": "99"},
    {"models": ["../x"]},
    {"models": [5.5]},
]


@pytest.mark.parametrize("more", BAD)
def test_bad_input(golden, more):
    assert check(golden, **more).kind == "bad_input"
