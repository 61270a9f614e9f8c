# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every damage is found, with exactly the models that it affects; and where there is none, none is found."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import digest_check
from ansible_collections.corral.ollama.tests.property import oracle
from ansible_collections.corral.ollama.tests.property.damage import (
    BLOB,
    CLUTTER,
    IN_ITS_PLACE,
    MANIFEST,
    Damage,
    damages,
    inflict,
)
from ansible_collections.corral.ollama.tests.property.stores import Contents, Model, Part, contents, directory
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from hypothesis import given
from hypothesis import strategies as st

RIGHTS = {"expect_owner": str(os.getuid()), "expect_file_mode": "0644", "expect_directory_mode": "0755"}
SHARED = Part("license", 0, 200)
TWO = Contents(
    (
        Model("mistral:7b", Part("config", 0, 50), (Part("model", 0, 5000), SHARED)),
        Model("me/other:1", Part("config", 1, 50), (Part("model", 1, 5000), SHARED)),
    )
)


def check(root: Path, **more: object) -> dict:
    outcome = run_module(digest_check, {"path": str(root), "on_damage": "report", **RIGHTS, **more})
    assert not outcome.failed, outcome.msg
    return outcome.result


def damaged(store: Contents, what: list[Damage], root: Path) -> Path:
    root.mkdir(mode=0o755)
    store.write(ModelTree(str(root)))
    inflict(root, store, what)
    return root


def assert_found(store: Contents, what: list[Damage], root: Path) -> None:
    result = check(root)
    assert oracle.rows(result["findings"]) == oracle.expected(store, what)
    bad = oracle.affected(store, what)
    listed = {model["name"]: model["ok"] for model in result["models"]}
    assert listed == {name: name not in bad for name in store.names if name in listed}
    vanished = {damage.target for damage in what if damage.kind in ("gone", "directory")}
    assert {name for name in store.names if name not in listed} <= vanished
    # nobody reads what is not declared: with the models named, one that has vanished is damage too
    declared = check(root, models=store.names)
    assert {name for one in declared["findings"] if one["damage"] for name in one["models"]} == bad
    assert result["ok"] is not any(kind not in oracle.HARMLESS for kind, _path, _models in oracle.expected(store, what))


@given(data=st.data(), store=contents())
def test_every_damage_is_found_with_the_models_that_it_affects(data: st.DataObject, store: Contents):
    what = data.draw(damages(store))
    with directory() as place:
        assert_found(store, what, damaged(store, what, place / "store"))


@given(data=st.data(), store=contents())
def test_a_quick_look_misses_nothing_but_content(data: st.DataObject, store: Contents):
    what = data.draw(damages(store))
    with directory() as place:
        found = check(damaged(store, what, place / "store"), mode="quick")["findings"]
        assert oracle.rows(found) == [row for row in oracle.expected(store, what) if row[0] != "wrong_hash"]


@given(store=contents())
def test_a_healthy_store_gives_no_finding(store: Contents):
    with directory() as place:
        result = check(damaged(store, [], place / "store"))
        assert result["findings"] == []
        assert [model["ok"] for model in result["models"]] == [True] * len(store.models)
        assert result["stats"]["blobs"] == len(store.parts)


def test_the_store_that_a_real_server_wrote_gives_no_finding(golden: Path):
    assert check(golden, expect_file_mode=None, expect_directory_mode=None)["findings"] == []


EACH = [
    *(Damage("blob", kind, part.digest, 4711) for kind in BLOB for part in (*TWO.models[0].parts,)),
    *(Damage("manifest", kind, "mistral:7b", at) for kind in (*MANIFEST, *IN_ITS_PLACE) for at in (0, 7)),
    *(Damage("clutter", kind, path) for path, (kind, _text) in CLUTTER.items()),
]


@pytest.mark.parametrize("one", EACH, ids=lambda one: f"{one.where} {one.kind} {one.target[:12]} {one.at}")
def test_each_class_alone_on_two_models_that_share_a_layer(tmp_path: Path, one: Damage):
    """What is drawn may leave a class out; here each is there once."""
    assert_found(TWO, [one], damaged(TWO, [one], tmp_path / "store"))
