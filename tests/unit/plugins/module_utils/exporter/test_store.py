# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store and Corral's memory as the exporter sees them: what is damaged is told, and the rest is shown."""

from __future__ import annotations

import json

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.leases import ROLLOUT
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.exporter.store import StoreReader
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.tests.unit.exported import config
from ansible_collections.corral.ollama.tests.unit.fake_ollama import digest_of, manifest

RAW = manifest("a", "b")
KEY = parse_name("mistral:7b").key


@pytest.fixture
def folder(tmp_path):
    for path in ("store/blobs", "store/.corral/tmp", "store/manifests/registry.ollama.ai/library/mistral", "state"):
        (tmp_path / path).mkdir(parents=True)
    (tmp_path / "store/manifests/registry.ollama.ai/library/mistral/7b").write_bytes(RAW)
    for digit in "ab":
        (tmp_path / f"store/blobs/sha256-{digit * 64}").write_bytes(digit.encode() * 100)
    return tmp_path


def reader(folder):
    return StoreReader(config(["http://a"], folder, times={"part": 30, "store": 0}), [].append)


def test_a_store_as_it_should_be(folder):
    (folder / "store/.corral/scrub.json").write_text(json.dumps({"ended_at": 5.0, "findings_by_kind": {"short": 1}}))
    LeaseFile(store_at(str(folder / "store"))).acquire("me", "", 600)
    found = reader(folder).read()
    assert found.problem == ""
    assert found.digests == {KEY: digest_of(RAW)}
    assert found.storage["bytes"] > 0
    assert found.space["total_bytes"] > 0
    assert found.scrub == {"ended_at": 5.0, "findings_by_kind": {"short": 1}}
    assert found.leases["store"].owner == "me"
    assert found.leases["rollout"] is None
    assert found.unfinished is False


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("store/.corral.lease", "rollout"),
        ("state/rollout/.corral.lease", "store"),
        ("state/rollout/rollout.json", "store"),
    ],
)
@pytest.mark.parametrize("text", [b"", b"\xff\x00", b"[" * 9999, b'{"schema": 1}', b"null"])
def test_what_is_damaged_is_told_and_the_rest_counts(folder, path, kept, text):
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_bytes(text)
    found = reader(folder).read()
    assert str(folder / path) in found.problem
    assert kept in found.leases
    assert found.digests == {KEY: digest_of(RAW)}
    assert found.space


@pytest.mark.parametrize("text", [b"\xff", b"[" * 9999, b"[]", b'{"scrub": 5}', b'{"findings_by_kind": []}'])
def test_a_scrub_of_nonsense_is_none(folder, text):
    (folder / "store/.corral/scrub.json").write_bytes(text)
    assert reader(folder).read().problem == ""


def test_without_a_store_it_says_so(tmp_path):
    found = reader(tmp_path).read()
    assert "is no model store" in found.problem
    assert found.digests == {}


def test_a_rollout_that_holds_its_lease(folder):
    (folder / "state/rollout/.corral/tmp").mkdir(parents=True)
    LeaseFile(store_at(str(folder / "state/rollout")), purpose=ROLLOUT).acquire("me", "", 600)
    assert reader(folder).read().leases["rollout"].owner == "me"
