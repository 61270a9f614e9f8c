# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scrub finds what a look at everything finds, also when it believes most of what it read before."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.corral.ollama.plugins.modules import store_scrub
from ansible_collections.corral.ollama.tests.property import oracle
from ansible_collections.corral.ollama.tests.property.damage import damages, inflict
from ansible_collections.corral.ollama.tests.property.stores import Contents, contents, directory
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import ready_store
from hypothesis import given
from hypothesis import strategies as st


def scrub(root: Path, **more: object) -> dict:
    outcome = run_module(store_scrub, {"path": str(root), "on_damage": "report", "idle_io": False, **more})
    assert not outcome.failed, outcome.msg
    assert not outcome.changed
    return outcome.result


@given(data=st.data(), store=contents(), mode=st.sampled_from(["full", "incremental"]))
def test_damage_since_the_last_scrub_is_found_with_its_models(data: st.DataObject, store: Contents, mode: str):
    with directory() as place:
        root = store.write(ready_store(place / "store"))
        healthy = scrub(root, mode="full")
        assert (healthy["ok"], healthy["findings"]) == (True, [])
        assert healthy["scrub"]["coverage"]["fraction"] == 1
        what = oracle.without_rights(data.draw(damages(store)))
        inflict(root, store, what)
        result = scrub(root, mode=mode)
        assert oracle.rows(result["findings"]) == oracle.expected(store, what)
        bad = oracle.affected(store, what)
        assert all(model["ok"] is (model["name"] not in bad) for model in result["models"])
        # what is known to be bad is said again, without reading it again
        again = scrub(root, mode="incremental")
        assert oracle.rows(again["findings"]) == oracle.rows(result["findings"])
        assert again["scrub"]["read"]["bytes"] == 0


@given(data=st.data(), store=contents(), runs=st.integers(1, 4))
def test_a_share_in_each_run_finds_everything_in_as_many_runs(data: st.DataObject, store: Contents, runs: int):
    what = oracle.without_rights(data.draw(damages(store)))
    with directory() as place:
        root = store.write(ready_store(place / "store"))
        inflict(root, store, what)
        for _run in range(runs):
            result = scrub(root, part=f"1/{runs}")
        assert oracle.rows(result["findings"]) == oracle.expected(store, what)
        assert result["scrub"]["coverage"]["never_verified"] == 0
