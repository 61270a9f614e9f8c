# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is wrong with a store, a prune takes nothing that a readable manifest names, and every model that could be
read before can be read after it."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.corral.ollama.plugins.modules import store_prune
from ansible_collections.corral.ollama.tests.property import oracle
from ansible_collections.corral.ollama.tests.property.damage import damages, inflict
from ansible_collections.corral.ollama.tests.property.stores import Contents, blob_path, contents, directory
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, ready_store
from hypothesis import given
from hypothesis import strategies as st

AT_ONCE = {"min_age": 0, "partial_age": 0, "quarantine_age": 0}


def stands(path: Path) -> tuple[int, ...]:
    """The very file that was there, with what was in it. Whether it is sound is not the prune's to judge."""
    found = path.lstat()
    return (found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns)


def named(store: Contents, root: Path, models: list) -> dict[Path, tuple[int, ...]]:
    paths = {root / model.path for model in models}
    paths |= {root / blob_path(part.digest) for model in models for part in model.parts}
    return {path: stands(path) for path in paths if path.is_symlink() or path.exists()}


@given(data=st.data(), store=contents(), undeclared=st.booleans())
def test_nothing_that_a_readable_manifest_names_is_taken(data: st.DataObject, store: Contents, undeclared: bool):
    what = data.draw(damages(store, most=5))
    declared = data.draw(st.lists(st.sampled_from([*store.names, "elsewhere:1"]), min_size=1, unique=True))
    with directory() as place:
        paths = ready_store(place / "store")
        root = store.write(paths)
        inflict(root, store, what)
        kept = [model for model in oracle.readable(store, what) if not undeclared or model.name in declared]
        before = named(store, root, kept)
        wish = args(paths, models=declared, undeclared=undeclared, **AT_ONCE)
        predicted = run_module(store_prune, wish, check=True)
        done = [run_module(store_prune, wish) for _run in range(3)]
        for outcome in (predicted, *done):
            assert not outcome.failed, outcome.msg
        assert {path: stands(path) for path in before} == before
        assert predicted.changed == done[0].changed
        assert not done[-1].changed


@given(data=st.data(), store=contents(at_least=2))
def test_what_a_server_has_loaded_stays_when_its_model_goes(data: st.DataObject, store: Contents):
    """The manifest is removed by the first run; the layers stay for as long as an instance says that it runs them."""
    running = data.draw(st.sampled_from(store.models))
    with directory() as place:
        paths = ready_store(place / "store")
        root = store.write(paths)
        wish = args(paths, models=["elsewhere:1"], undeclared=True, **AT_ONCE)
        for _run in range(3):
            outcome = run_module(store_prune, {**wish, "running_digests": [running.digest]})
            assert not outcome.failed, outcome.msg
        assert all((root / blob_path(part.digest)).read_bytes() == part.data for part in running.parts)
        for _run in range(2):
            run_module(store_prune, wish)
        assert list((root / "blobs").iterdir()) == []
