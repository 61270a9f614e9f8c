# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_fetch``: from peers into a store, predicted, done, and then nothing left to do; and what peers do wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.manifests import Blob
from ansible_collections.corral.ollama.plugins.module_utils.store import pieces
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_fetch
from ansible_collections.corral.ollama.tests.unit.fetched import (
    CONFIG,
    ONE,
    PIECE,
    SHARED,
    TWO,
    leftovers,
    paths,
    peers,
    small_pieces,
    source,
    visible,
    wish,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import four_runs, run_module
from ansible_collections.corral.ollama.tests.unit.staged import digest, put, put_blob

__all__ = ["paths", "peers", "small_pieces", "source"]
pytestmark = pytest.mark.usefixtures("small_pieces")


def test_the_twelve_steps(paths, peers, source):
    check, real, _again, _last = four_runs(store_fetch, wish(paths, peers(), models=["a:1", "me/b:2"]))
    assert visible(paths) == visible(source)
    assert not leftovers(paths)
    assert check["bytes_missing"] == sum(map(len, (CONFIG, SHARED, ONE, TWO)))
    assert real["bytes_from_peers"] == check["bytes_missing"]
    assert real["missing"] == [] == real["bad_peers"]
    assert {row["name"]: row["action"] for row in real["models"]} == {"a:1": "publish", "me/b:2": "publish"}


def test_several_peers_give_pieces_of_the_same_blob_at_the_same_time(paths, peers):
    one, two = peers("one"), peers("two")
    outcome = run_module(store_fetch, wish(paths, one, two, connections=4))
    assert not outcome.failed, outcome.msg
    assert one.sent
    assert two.sent
    assert one.sent + two.sent == outcome["bytes_from_peers"]
    assert next(row for row in outcome["blobs"] if row["digest"] == digest(ONE))["peers"] == ["one", "two"]


def test_a_blob_that_another_model_brought_is_not_fetched_again(paths, peers):
    put(paths, "c:1", CONFIG, SHARED)
    assert run_module(store_fetch, wish(paths, peers()))["bytes_from_peers"] == len(ONE)


def test_one_in_the_store_that_is_not_what_its_name_says_is(paths, peers, source):
    put_blob(paths, SHARED).write_bytes(b"X" + SHARED[1:])
    outcome = run_module(store_fetch, wish(paths, peers()))
    assert not outcome.failed, outcome.msg
    assert Path(paths.blob(digest(SHARED))).read_bytes() == SHARED


def test_only_the_blobs_of_the_plan_are_taken_and_the_model_waits(paths, peers):
    peer = peers()
    plan = [{"digest": digest(ONE), "size": len(ONE), "peers": ["good"]}]
    outcome = run_module(store_fetch, wish(paths, peer, blobs=plan))
    assert [row["digest"] for row in outcome["blobs"]] == [digest(ONE)]
    assert outcome["models"][0]["action"] == "wait"
    assert not Path(paths.manifests, "registry.ollama.ai").exists()
    assert Path(paths.blob(digest(ONE))).read_bytes() == ONE
    assert peer.sent == len(ONE)


def test_a_pinned_digest_is_the_one_that_is_taken(paths, peers, source, tmp_path):
    other = ModelTree(str(tmp_path / "other"))
    newer = put(other, "a:1", CONFIG, TWO)
    pin = {"name": "a:1", "digest": newer}
    outcome = run_module(store_fetch, wish(paths, peers("old"), peers("new", tree=other), models=[pin]))
    assert outcome["models"][0]["digest"] == newer
    assert outcome["bad_peers"] == []


def test_what_a_killed_run_left_is_not_fetched_again(paths, peers):
    with pieces.PieceFile(paths, Blob(digest(ONE), len(ONE))) as file:
        for number in (0, 2):
            claim = (number * PIECE, (number + 1) * PIECE)
            file.write(claim[0], ONE[claim[0] : claim[1]])
            file.has(claim, claim[1], "somebody")
    outcome = run_module(store_fetch, wish(paths, peers()))
    assert outcome["bytes_from_peers"] == len(ONE) + len(SHARED) + len(CONFIG) - 2 * PIECE
    assert not leftovers(paths)


def test_wrong_bytes_of_an_earlier_run_blame_nobody(paths, peers):
    with pieces.PieceFile(paths, Blob(digest(ONE), len(ONE))) as file:
        file.write(0, b"x" * PIECE)
        file.has((0, PIECE), PIECE, "somebody")
    outcome = run_module(store_fetch, wish(paths, peers()))
    assert not outcome.failed, outcome.msg
    assert outcome["bad_peers"] == []


def test_outside_of_its_window_it_stops_cleanly(paths, peers, monkeypatch):
    noon = time.struct_time((2026, 11, 22, 12, 0, 0, 6, 326, 0))
    monkeypatch.setattr(time, "localtime", lambda *_when: noon)
    outcome = run_module(store_fetch, wish(paths, peers(), window="22:00-06:00", on_failure="report"))
    assert outcome["stopped_by"] == "window"
    assert len(outcome["missing"]) == 3
    assert run_module(store_fetch, wish(paths, peers(), window="22:00-06:00")).kind == "window_closed"
    assert not run_module(store_fetch, wish(paths, peers(), window="11:00-13:00")).failed


def test_half_a_number_in_the_journal_is_no_piece(paths):
    blob = Blob(digest(ONE), len(ONE))
    with pieces.PieceFile(paths, blob) as file:
        file.write(0, ONE[:PIECE])
        file.has((0, PIECE), PIECE, "somebody")
        path = file.path
    with open(f"{path}-pieces", "ab") as journal:
        # the kill came in the middle of "12"
        journal.write(b"1")
    for _run in range(2):
        with pieces.PieceFile(paths, blob) as file:
            assert file.resumed == PIECE
