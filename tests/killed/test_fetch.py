# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fetch from peers killed before every single change, in the middle of blobs included: each model is seen whole or
not at all, and the next run ends where an undisturbed one does without taking again what was there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store import pieces, reading
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.modules import store_fetch
from ansible_collections.corral.ollama.tests.killed.killing import WRITES, killed_before
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.fake_peer import FakePeer
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import args, digest, files, put

CONFIG, SHARED, ONE, TWO = b"config", b"shared" * 2000, bytes(range(256)) * 64, b"two" * 500
PIECE = 4096


def seen(paths, name):
    """What a reader would make of a model: its digest when every blob is whole, "" when it is not listed."""
    stored = reading.stored_model(paths, parse_name(name))
    if stored is None:
        return ""
    assert stored.manifest is not None, stored.problem
    for blob in stored.manifest.blobs:
        assert digest(Path(paths.blob(blob.digest)).read_bytes()) == blob.digest, blob
    return stored.digest


def whole_blobs(paths):
    """Whatever is in blobs/ is what its name says, at any moment."""
    for path in Path(paths.blobs).iterdir():
        assert digest(path.read_bytes()) == path.name[len("sha256-") :], path


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fetch_killed_before_every_change(tmp_path, monkeypatch):
    # a kill loses nothing that was written, so waiting for the disk would prove nothing here
    monkeypatch.setattr(os, "fsync", lambda _fd: None)
    monkeypatch.setattr(pieces, "PIECE", PIECE)
    source = ModelTree(str(tmp_path / "source"))
    put(source, "a:1", CONFIG, SHARED, ONE)
    put(source, "me/b:2", CONFIG, SHARED, TWO)
    with FakePeer(source) as peer:

        def fresh(name):
            paths = staged.ready_store(tmp_path / name)
            put(paths, "a:1", CONFIG, TWO)
            given = {"models": [], "peers": [peer.entry()], "peer_token": "secret", "fallback": False}
            digests = [(name, reading.stored_model(source, parse_name(name)).digest) for name in ("a:1", "me/b:2")]
            return paths, args(
                paths, **{**given, "models": [{"name": name, "digest": wanted} for name, wanted in digests]}
            )

        calm, given = fresh("calm")
        old = [seen(calm, "a:1"), seen(calm, "me/b:2")]
        assert run_module(store_fetch, given).changed
        new, end = [seen(calm, "a:1"), seen(calm, "me/b:2")], files(calm.root)
        number, views, through, resumed = 0, [], False, 0
        while not through:
            number += 1
            paths, given = fresh(str(number))
            through = killed_before(number, store_fetch, given, (*WRITES, "pwrite"))
            views.append([seen(paths, "a:1"), seen(paths, "me/b:2")])
            whole_blobs(paths)
            again = run_module(store_fetch, given)
            assert not again.failed, again.msg
            resumed += sum(row["bytes_resumed"] for row in again["blobs"])
            assert not run_module(store_fetch, given).changed
            assert files(paths.root) == end
    stages = [old, [new[0], old[1]], new]
    assert views == sorted(views, key=stages.index), "once the new one was seen, the old one came back"
    assert views[0] == old
    assert views[-1] == new
    assert resumed > 10 * PIECE
    assert number > 30
