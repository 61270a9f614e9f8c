# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repair brings back every byte, touches nothing else, and loses nothing where it has no good source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.known import remember
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import digest_check, store_repair
from ansible_collections.corral.ollama.tests.property import oracle
from ansible_collections.corral.ollama.tests.property.damage import Damage, damages, inflict
from ansible_collections.corral.ollama.tests.property.stores import Contents, blob_path, contents, directory
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, ready_store
from hypothesis import given
from hypothesis import strategies as st


def prepared(place: Path, store: Contents, what: Sequence[Damage], published: bool) -> tuple[dict[str, Any], Path]:
    """A damaged store, and how to ask for its repair; ``published``: it was Corral that put the models there."""
    paths = ready_store(place / "store")
    root = store.write(paths)
    for model in store.models if published else ():
        remember(paths, parse_name(model.name), model.raw)
    inflict(root, store, what)
    return args(paths, models=store.names), root


def untouched(root: Path, store: Contents, what: Sequence[Damage]) -> dict[Path, tuple[int, ...]]:
    """The files of the store that nothing is wrong with."""
    hurt = {damage.target for damage in what}
    paths = {root / model.path for model in store.models if model.name not in hurt}
    paths |= {root / blob_path(digest) for digest in store.parts if digest not in hurt}
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def whole(root: Path, store: Contents) -> None:
    for model in store.models:
        assert (root / model.path).read_bytes() == model.raw
        for part in model.parts:
            assert (root / blob_path(part.digest)).read_bytes() == part.data
    rights = {"expect_file_mode": "0644", "expect_directory_mode": "0755"}
    found = run_module(digest_check, {"path": str(root), "on_damage": "report", "models": store.names, **rights})
    assert (found["ok"], found["findings"]) == (True, [])


def everything(root: Path) -> list[bytes]:
    """What the plain files hold that are a store's, or were and lie in its quarantine."""
    places = [root / name for name in ("blobs", "manifests", ".corral/quarantine")]
    paths = (path for place in places for path in sorted(place.rglob("*")))
    return [path.read_bytes() for path in paths if path.is_file() and not path.is_symlink()]


@given(data=st.data(), store=contents(), published=st.booleans(), mode=st.sampled_from(["full", "incremental"]))
def test_every_byte_comes_back_from_a_peer(data: st.DataObject, store: Contents, published: bool, mode: str):
    what = data.draw(damages(store, where=("blob", "manifest")))
    with directory() as place:
        peer = store.write(ModelTree(str(place / "peer")))
        wish, root = prepared(place, store, what, published)
        wish.update(mode=mode, sources=[{"type": "peer", "path": str(peer)}])
        before, others, pieces = untouched(root, store, what), everything(peer), everything(root)
        predicted = run_module(store_repair, wish, check=True)
        done = run_module(store_repair, wish)
        assert not done.failed, done.msg
        assert (done["ok"], done["unrepaired"]) == (True, [])
        whole(root, store)
        assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in before} == before
        assert everything(peer) == others
        assert set(pieces) <= set(everything(root)), "a damaged file is in the quarantine, not gone"
        assert set(done["models_affected"]) == oracle.affected(store, what)
        assert predicted.changed == done.changed
        assert not run_module(store_repair, wish).changed


@given(data=st.data(), store=contents(), published=st.booleans())
def test_without_a_good_source_nothing_is_lost_and_the_models_are_named(
    data: st.DataObject, store: Contents, published: bool
):
    what = data.draw(damages(store, where=("blob", "manifest")))
    with directory() as place:
        peer = Contents(()).write(ModelTree(str(place / "peer")))
        wish, root = prepared(place, store, what, published)
        wish.update(mode="full", sources=[{"type": "peer", "path": str(peer)}])
        before, pieces = untouched(root, store, what), everything(root)
        bad = oracle.affected(store, what)
        outcome = run_module(store_repair, wish)
        result = outcome.result["error"] if outcome.failed else outcome.result
        named = {name for one in result["unrepaired"] for name in one["models"]}
        assert outcome.failed is not result["ok"]
        assert named <= bad
        assert [name for name in named if name not in outcome.msg] == []
        assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in before} == before
        assert set(pieces) <= set(everything(root))
        found = run_module(digest_check, {"path": str(root), "on_damage": "report", "models": store.names})
        assert {name for one in found["findings"] for name in one["models"] if one["damage"]} == named


@given(data=st.data(), store=contents())
def test_what_lies_about_keeps_no_server_from_starting(data: st.DataObject, store: Contents):
    """Names that keep servers from starting or pruning go to the quarantine; no model is worse for it."""
    what = data.draw(damages(store, where=("clutter",)))
    with directory() as place:
        wish, root = prepared(place, store, what, published=True)
        wish.update(sources=[{"type": "peer", "path": str(Contents(()).write(ModelTree(str(place / "peer"))))}])
        before = untouched(root, store, what)
        done = run_module(store_repair, wish)
        assert not done.failed, done.msg
        whole(root, store)
        assert {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in before} == before
        found = run_module(digest_check, {"path": str(root), "on_damage": "report"})
        assert found["ok"] is True
        assert not run_module(store_repair, wish).changed
