# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A store that fetches from scripted peers, in pieces of a few kilobytes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.glue import fetch_blob
from ansible_collections.corral.ollama.plugins.module_utils.store import pieces
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_peer import FakePeer
from ansible_collections.corral.ollama.tests.unit.staged import args, files, put

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 3000, bytes(range(256)) * 400, b"two" * 9000
PIECE = 4096


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE", PIECE)
    monkeypatch.setattr(fetch_blob, "PAUSE", 0.0)


@pytest.fixture
def source(tmp_path):
    tree = ModelTree(str(tmp_path / "source"))
    put(tree, "a:1", CONFIG, SHARED, ONE)
    put(tree, "me/b:2", CONFIG, SHARED, TWO)
    return tree


@pytest.fixture
def paths(tmp_path):
    return staged.ready_store(tmp_path / "store")


@pytest.fixture
def peers(source):
    with ExitStack() as stack:
        yield lambda name="good", **how: stack.enter_context(FakePeer(how.pop("tree", source), name, **how))


def wish(paths, *given, **more):
    entries = [peer.entry() for peer in given]
    return args(paths, **{"models": ["a:1"], "peers": entries, "peer_token": "secret", "fallback": False, **more})


def visible(tree):
    return {name: data for name, data in files(tree.root).items() if name.startswith(("blobs/", "manifests/"))}


def leftovers(paths):
    return [path for path in Path(paths.staging.root).rglob("*") if path.is_file()]
