# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A merge makes whole whatever the sources together can make whole, says what they cannot, and takes nothing away:
neither from them nor from the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import digest_check, store_merge
from ansible_collections.corral.ollama.tests.property import oracle
from ansible_collections.corral.ollama.tests.property.damage import Damage, damages, inflict
from ansible_collections.corral.ollama.tests.property.stores import (
    NAMES,
    Contents,
    Model,
    blob_path,
    contents,
    directory,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, ready_store
from hypothesis import given, settings
from hypothesis import strategies as st

FEW = NAMES[:3]
#: What is in such a blob is good all the same.
NO_LOSS = ("mode", "old name")


@dataclass(frozen=True)
class Tree:
    """One of the places that are merged, and what is wrong with it."""

    store: Contents
    what: tuple[Damage, ...]

    @property
    def models(self) -> list[Model]:
        """Those whose manifests say all that they said."""
        return oracle.readable(self.store, self.what)

    @property
    def sound(self) -> set[str]:
        hurt = {damage.target for damage in self.what if damage.where == "blob" and damage.kind not in NO_LOSS}
        return set(self.store.parts) - hurt


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    store = draw(contents(FEW))
    return Tree(store, tuple(draw(st.one_of(st.just([]), damages(store, most=3)))))


def laid_out(place: Path, name: str, tree: Tree) -> Path:
    root = tree.store.write(ModelTree(str(place / name)))
    inflict(root, tree.store, tree.what)
    return root


def content(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def possible(every: Sequence[Tree]) -> Mapping[str, set[bytes]]:
    """The manifests that each model could have in the end: every blob of it is sound somewhere."""
    sound = set().union(*(tree.sound for tree in every))
    found: dict[str, set[bytes]] = {}
    for tree in every:
        for model in tree.models:
            good = {part.digest for part in model.parts} <= sound
            found.setdefault(model.name, set()).update({model.raw} if good else set())
    return found


def merge(paths: Any, sources: Mapping[str, Path], **more: object) -> Any:
    wish = args(paths, sources=[{"name": name, "path": str(path)} for name, path in sources.items()], **more)
    outcome = run_module(store_merge, wish)
    assert not outcome.failed, outcome.msg
    return outcome


def assert_merged(root: Path, every: Sequence[Tree], outcome: Any) -> None:
    can = possible(every)
    for name, raws in can.items():
        path = root / next(model.path for tree in every for model in tree.store.models if model.name == name)
        if raws:
            assert path.read_bytes() in raws
    found = run_module(digest_check, {"path": str(root), "on_damage": "report"})
    whole = {model["name"] for model in found["models"] if model["ok"]}
    assert {name for name, raws in can.items() if raws} == whole & set(can)
    assert {one["name"] for one in outcome["lacking"]} >= {name for name, raws in can.items() if not raws}


#: Each example is several stores, merged three times.
COSTLY = settings(max_examples=settings().max_examples // 2)


@COSTLY
@given(every=st.lists(trees(), min_size=1, max_size=3))
def test_what_the_sources_together_have_is_whole_in_the_store(every: list[Tree]):
    with directory() as place:
        paths = ready_store(place / "store")
        sources = {f"old-{number}": laid_out(place, f"old-{number}", tree) for number, tree in enumerate(every)}
        before = {name: content(root) for name, root in sources.items()}
        outcome = merge(paths, sources)
        assert_merged(place / "store", every, outcome)
        assert {name: content(root) for name, root in sources.items()} == before
        assert not merge(paths, sources).changed


@COSTLY
@given(mine=trees(), every=st.lists(trees(), max_size=2))
def test_a_store_that_is_taken_over_loses_nothing_that_it_has_whole(mine: Tree, every: list[Tree]):
    """The legacy servers all wrote to one volume, which is to be the store; and there are others besides."""
    with directory() as place:
        paths = ready_store(place / "store")
        root = laid_out(place, "store", mine)
        sources = {f"old-{number}": laid_out(place, f"old-{number}", tree) for number, tree in enumerate(every)}
        named = {part.digest for model in mine.models for part in model.parts} & mine.sound
        before = {digest: (root / blob_path(digest)).read_bytes() for digest in named}
        outcome = merge(paths, {"store": root, **sources})
        assert {digest: (root / blob_path(digest)).read_bytes() for digest in named} == before
        assert_merged(root, [mine, *every], outcome)
        assert not merge(paths, {"store": root, **sources}).changed
