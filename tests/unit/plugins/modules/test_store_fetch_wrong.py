# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``store_fetch``: peers that do not serve right are named and left out, and what cannot be meant is refused."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_fetch
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_registry import FakeRegistry, cut_after, status, wrong
from ansible_collections.corral.ollama.tests.unit.fetched import (
    CONFIG,
    ONE,
    PIECE,
    SHARED,
    paths,
    peers,
    small_pieces,
    source,
    visible,
    wish,
)
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import digest, files, put_blob

__all__ = ["paths", "peers", "small_pieces", "source"]
pytestmark = pytest.mark.usefixtures("small_pieces")


def short(_call, right):
    return replace(right, body=right.body[:-1])


def hangs(_call, right):
    return replace(right, lines=(right.body[:10],), body=b"", hang=30.0)


def other_range(_call, right):
    return replace(right, headers={"Content-Range": "bytes 0-1/2"})


def too_much(_call, right):
    return replace(right, body=right.body + b"more")


@pytest.mark.parametrize(
    ("twist", "kind"),
    [
        (wrong, "peer_wrong"),
        (short, "peer_failed"),
        (too_much, "peer_wrong"),
        (cut_after(100), "peer_unreachable"),
        (status(500), "peer_failed"),
        (status(403), "peer_refused"),
        (other_range, "peer_wrong"),
        (hangs, "peer_timeout"),
    ],
)
def test_a_peer_that_does_not_serve_right_is_named_and_left_out(paths, peers, source, twist, kind):
    bad, good = peers("bad", twist=twist), peers("good")
    outcome = run_module(store_fetch, wish(paths, bad, good, peer_timeout=0.3, retries=1, connections=2))
    assert not outcome.failed, outcome.msg
    assert [(row["name"], row["kind"]) for row in outcome["bad_peers"]] == [("bad", kind)]
    assert outcome["missing"] == []
    for data in (CONFIG, SHARED, ONE):
        assert Path(paths.blob(digest(data))).read_bytes() == data


def test_of_three_peers_the_one_that_lied_about_one_piece_is_found(paths, peers):
    def lies_once(call, right):
        return wrong(call, right) if call.headers.get("Range", "").startswith(f"bytes={PIECE}-") else right

    liar, one, two = peers("liar", twist=lies_once), peers("one"), peers("two")
    plan = [{"digest": digest(ONE), "size": len(ONE), "peers": ["one", "liar", "two"]}]
    named = []
    # whichever of them was asked for that piece
    for _attempt in range(20):
        outcome = run_module(store_fetch, wish(paths, liar, one, two, blobs=plan, connections=3))
        assert not outcome.failed, outcome.msg
        assert Path(paths.blob(digest(ONE))).read_bytes() == ONE
        named = [row["name"] for row in outcome["bad_peers"]]
        if named:
            break
        os.unlink(paths.blob(digest(ONE)))
    assert named == ["liar"]


def test_a_peer_that_lacks_the_blob_is_not_a_bad_one(paths, peers, tmp_path):
    poor = ModelTree(str(tmp_path / "poor"))
    put_blob(poor, CONFIG)
    outcome = run_module(store_fetch, wish(paths, peers("poor", tree=poor), peers("good")))
    assert not outcome.failed, outcome.msg
    assert outcome["bad_peers"] == []


def test_nobody_there_and_nobody_right(paths, peers):
    gone = {"name": "gone", "url": "http://127.0.0.1:9"}
    outcome = run_module(store_fetch, {**wish(paths, retries=0), "peers": [gone], "on_failure": "report"})
    assert outcome["bad_peers"][0]["kind"] == "peer_unreachable"
    assert outcome["models"][0]["action"] == "wait"
    bad = peers("bad", twist=wrong)
    outcome = run_module(store_fetch, wish(paths, bad))
    assert outcome.failed
    assert outcome.kind == "digest_mismatch"
    assert "bad" in outcome.msg
    assert visible(paths) == {}


def test_the_registry_gives_what_no_peer_gives_if_it_may(paths, peers, source):
    bad = peers("bad", twist=status(500))
    with FakeRegistry(source) as registry:
        where = {"registry_endpoints": {"registry.ollama.ai": registry.url}, "retries": 0}
        assert run_module(store_fetch, wish(paths, bad, **where)).failed
        assert registry.fetched == 0
        outcome = run_module(store_fetch, wish(paths, bad, **where, fallback=True))
        assert not outcome.failed, outcome.msg
        assert outcome["bytes_from_upstream"] == registry.fetched == sum(map(len, (CONFIG, SHARED, ONE)))


def test_a_seed_takes_ranges_from_the_registry_and_resumes_after_a_cut(paths, source):
    with FakeRegistry(source) as registry:
        registry.twist[digest(ONE)] = [cut_after(5000), status(503)]
        plan = [{"digest": digest(data), "size": len(data)} for data in (CONFIG, SHARED, ONE)]
        where = {"registry_endpoints": {"registry.ollama.ai": registry.url}, "blobs": plan}
        outcome = run_module(store_fetch, wish(paths, **where, retries=3, connections=1))
        assert not outcome.failed, outcome.msg
        assert Path(paths.blob(digest(ONE))).read_bytes() == ONE
        ranges = [call.headers["Range"] for call in registry.calls if "Range" in call.headers]
        assert any(text.startswith(f"bytes={PIECE}-") for text in ranges)


def test_nothing_is_written_without_the_lease(paths, peers, tmp_path):
    bare = staged.ready_store(tmp_path / "bare", token="")
    before = files(bare.root)
    assert run_module(store_fetch, wish(bare, peers())).kind == "lease_lost"
    assert files(bare.root) == before


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"models": []}, "No model"),
        ({"connections": 0}, "connections"),
        ({"bytes_per_second": -1}, "bytes_per_second"),
        ({"window": "25:00-26:00"}, "time of day"),
        ({"peers": [{"name": "p", "url": "ftp://x"}]}, "http"),
        ({"peers": [{"name": "p", "url": "https://x"}]}, "fingerprint"),
        ({"peers": [{"name": "p", "url": "http://x"}] * 2}, "twice"),
        ({"peer_token": "a\nb", "peers": [{"name": "p", "url": "http://x"}]}, "token"),
        ({"blobs": [{"digest": "../../etc", "size": 1}]}, "digest"),
        ({"blobs": [{"digest": "a" * 64, "size": -1}]}, "size"),
    ],
)
def test_what_cannot_be_meant_is_refused(paths, more, text):
    outcome = run_module(store_fetch, {**wish(paths), **more})
    assert outcome.failed
    assert text in outcome.msg


def test_a_blob_whose_peers_do_not_serve_is_missing_and_not_asked_of_the_registry(paths, peers, source):
    plan = [{"digest": digest(ONE), "size": len(ONE), "peers": ["who"]}]
    with FakeRegistry(source) as registry:
        where = {"registry_endpoints": {"registry.ollama.ai": registry.url}, "on_failure": "report"}
        outcome = run_module(store_fetch, wish(paths, peers(), blobs=plan, **where))
        assert outcome["missing"] == [digest(ONE)]
        assert registry.fetched == 0


def test_a_manifest_that_is_none_makes_a_bad_peer(paths, peers, source, tmp_path):
    junk = ModelTree(str(tmp_path / "junk"))
    staged.put_manifest(junk, "a:1", b"<html>")
    outcome = run_module(store_fetch, wish(paths, peers("junk", tree=junk), peers("good")))
    assert not outcome.failed, outcome.msg
    assert [row["name"] for row in outcome["bad_peers"]] == ["junk"]


def test_no_space_is_said_before_a_byte_comes(paths, peers):
    peer = peers()
    assert run_module(store_fetch, wish(paths, peer, reserve_bytes=2**60)).kind == "no_space"
    assert peer.sent == 0
