# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_scrub`` within a budget: in portions, by time, by load, and with clocks that jump."""

from __future__ import annotations

import json
import os
import time

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.receipts import Receipt
from ansible_collections.corral.ollama.plugins.module_utils.glue import scrub as glue
from ansible_collections.corral.ollama.plugins.module_utils.store import scrubber
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile
from ansible_collections.corral.ollama.plugins.modules import store_scrub
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.scrubbed import count_of, kept, read, scrub, size_of


@pytest.fixture
def store(golden):
    """The golden store, made Corral's."""
    staged.ready_store(golden, token="")
    return golden


def test_a_full_scrub_in_portions(store):
    total = count_of(store)
    first = scrub(store, mode="full", max_bytes=1)["scrub"]
    assert (first["read"]["blobs"], first["stopped_by"], first["complete"]) == (1, "max_bytes", False)
    assert first["left"]["blobs"] == total - 1
    assert kept(store, "scrub-state.json")["full_since"] > 0
    assert read(store, max_bytes=1) == 1, "incremental ones in between count as well"
    last = scrub(store, mode="full")["scrub"]
    assert (last["read"]["blobs"], last["complete"], last["left"]["blobs"]) == (total - 2, True, 0)
    assert kept(store, "scrub-state.json")["full_since"] == 0.0
    assert read(store, mode="full") == total


def test_a_share_in_each_run_covers_everything(store):
    scrub(store)
    began = time.time()
    sizes = []
    for _unused in range(3):
        result = scrub(store, part="1/3")["scrub"]
        sizes.append(result["read"]["bytes"])
        assert result["complete"] is True
    assert sum(sizes) >= size_of(store)
    assert result["coverage"]["oldest_verified_at"] >= began - 0.01
    assert result["last_full_at"] >= began - 0.01
    assert len(kept(store, "scrub-state.json")["part_runs"]) == 3


def test_a_run_by_part_that_was_cut_short_is_none(store):
    scrub(store)
    assert scrub(store, part="1/2", max_bytes=1)["scrub"]["stopped_by"] == "max_bytes"
    assert kept(store, "scrub-state.json")["part_runs"] == []


def test_what_is_older_than_an_age(store):
    scrub(store)
    assert read(store, max_age=3600) == 0
    assert read(store, max_age=0.000001) == count_of(store)


def test_time_that_is_up_ends_it_before_the_next_blob(store, monkeypatch):
    monkeypatch.setattr(glue, "Throttle", lambda limits: scrubber.Throttle(limits, clock=iter(range(10**6)).__next__))
    result = scrub(store, mode="full", max_seconds=6, threads=1)["scrub"]
    assert 0 < result["read"]["blobs"] < count_of(store)
    assert (result["stopped_by"], result["complete"]) == ("max_seconds", False)


def test_a_load_above_the_threshold_ends_it_with_what_it_has(store, monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0, 0.0, 0.0))
    outcome = scrub(store, max_load=4, load_wait=0)
    assert (outcome["scrub"]["stopped_by"], outcome["scrub"]["read"]["blobs"]) == ("max_load", 0)
    assert outcome["ok"] is True
    assert any("ended by max_load" in line for line in outcome["summary"])


def test_receipts_from_the_future_are_told_and_read_again(store):
    scrub(store)
    paths = store_at(str(store))
    late = [Receipt(r.digest, r.found, r.stamp, time.time() + 1e6) for r in ReceiptFile(paths).load().values()]
    ReceiptFile(paths).append(late)
    for check in (True, False):
        outcome = scrub(store, check=check)
        (warning,) = outcome["warnings"]
        assert f"{len(late)} receipts are dated after now" in warning
        assert "clock" in warning
        assert outcome["scrub"]["receipts_from_future"] == outcome["planned"]["blobs"] == len(late)
    assert scrub(store)["warnings"] == []


def test_a_clock_that_went_back_forgets_what_is_of_tomorrow(store):
    scrub(store)
    (store / ".corral" / "scrub-state.json").write_text('{"schema":1,"full_since":9e12,"part_runs":[9e12]}')
    result = kept(store)
    (store / ".corral" / "scrub.json").write_text(json.dumps({**result, "last_full_at": 9e12}))
    seen = scrub(store, mode="full")["scrub"]
    assert (seen["read"]["blobs"], seen["last_full_at"] < time.time()) == (count_of(store), True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"part": "1/0"}, "part is '1/0'"),
        ({"part": "1/7", "mode": "full"}, "incremental"),
        ({"max_bytes": -1, "wait": -1, "threads": 99, "nice": -5}, "nice is -5"),
        ({"max_seconds": float("nan")}, "max_seconds"),
        ({"path": "/"}, "cannot be a store"),
    ],
)
def test_options_that_cannot_be_meant(store, options, words):
    outcome = run_module(store_scrub, {"path": str(store), **options})
    assert (outcome.failed, outcome.kind) == (True, "bad_input")
    assert words in outcome.msg
