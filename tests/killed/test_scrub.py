# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scrub that is killed before every change that it makes, in the middle of a write, and in the middle of a blob: the
next one goes on, reads nothing twice but what was in hand, and ends where an undisturbed one does."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.store import scrubber
from ansible_collections.corral.ollama.plugins.module_utils.store.receipts import ReceiptFile
from ansible_collections.corral.ollama.plugins.modules import store_scrub
from ansible_collections.corral.ollama.tests.unit import staged
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import run_module
from ansible_collections.corral.ollama.tests.unit.staged import digest, put

FORK = multiprocessing.get_context("fork")
BLOBS = (b"config", b"one" * 500, b"two" * 400, b"three" * 300)
BAD = digest(BLOBS[1])


def make(path):
    """A store with one rotten blob."""
    paths = staged.ready_store(path, token="")
    put(paths, "a:1", *BLOBS[:2])
    put(paths, "b:1", BLOBS[0], *BLOBS[2:])
    Path(paths.blob(BAD)).write_bytes(b"X" + BLOBS[1][1:])
    return paths


def scrub(paths, **more):
    given = {"path": paths.root, "on_damage": "report", "threads": 1, **more}
    outcome = run_module(store_scrub, given)
    assert not outcome.failed, outcome.msg
    return outcome["scrub"]


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def before_change(number):
    """Kill before the change of that number."""
    left = [number]

    def wrap(real, counts=lambda *_args: True):
        def call(*given, **more):
            if counts(*given):
                left[0] -= 1
                if not left[0]:
                    kill()
            return real(*given, **more)

        return call

    for name in ("rename", "unlink", "mkdir", "chmod", "fchmod", "fsync", "write"):
        setattr(os, name, wrap(getattr(os, name)))
    os.open = wrap(os.open, lambda _path, flags=0, *_more: bool(flags & os.O_CREAT))


def within_write(number):
    """Let half of a write through, and kill."""
    real, left = os.write, [number]

    def write(fd, data):
        left[0] -= 1
        if not left[0]:
            real(fd, bytes(data)[: len(data) // 2])
            kill()
        return real(fd, data)

    os.write = write


def within_blob(number):
    """Kill when a part of a blob has been read."""
    real, left = scrubber.hash_file, [number]

    def hash_file(path, window, cancel, on_bytes):
        left[0] -= 1
        return real(path, window, cancel, on_bytes if left[0] else lambda _count: kill())

    scrubber.hash_file = hash_file


def one_by_one(paths):
    """No blob is begun before the receipt of the one before is on the disk: else it is chance how many a kill loses."""
    real, begun = scrubber.hash_file, [0]

    def hash_file(*given):
        until = time.monotonic() + 30
        while len(state(paths)) < begun[0] and time.monotonic() < until:
            time.sleep(0.001)
        begun[0] += 1
        return real(*given)

    scrubber.hash_file = hash_file


def _child(paths, how, number, more):
    one_by_one(paths)
    how(number)
    scrub(paths, **more)
    os._exit(0)


def killed(paths, how, number, **more):
    """True when the child was through before it was to be killed."""
    child = FORK.Process(target=_child, args=(paths, how, number, more))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode == 0


def state(paths):
    return {name: receipt.found for name, receipt in ReceiptFile(paths).load().items()}


def to_read(paths, kept, mode, part=""):
    """What a kill left to be read. A share of everything is everything, and a full scrub that has ended is over."""
    over = mode == "full" and kept and json.loads(Path(paths.scrub_state).read_text())["full_since"] == 0.0
    return len(BLOBS) if part or over else len(BLOBS) - len(kept)


MODES = [{"mode": "incremental"}, {"mode": "full"}, {"mode": "incremental", "part": "1/1"}]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("how", [before_change, within_write, within_blob])
@pytest.mark.parametrize("more", MODES, ids=str)
def test_killed_anywhere_it_goes_on(tmp_path, how, more):
    calm = make(tmp_path / "calm")
    undisturbed = scrub(calm, **more)
    assert undisturbed["findings_by_kind"] == {"wrong_hash": 1}
    number, through, resumed = 0, False, set()
    while not through:
        number += 1
        paths = make(tmp_path / str(number))
        through = killed(paths, how, number, **more)
        kept = state(paths)
        assert kept.items() <= state(calm).items(), "what was kept is right"
        expected = to_read(paths, kept, **more)
        again = scrub(paths, **more)
        if not through:
            assert again["read"]["blobs"] == expected
            resumed.add(len(kept))
        for name in ("ok", "complete", "findings_by_kind", "models_affected", "store"):
            assert again[name] == undisturbed[name], name
        assert state(paths) == state(calm)
        assert json.loads(Path(paths.scrub_result).read_text()) == again
        assert json.loads(Path(paths.scrub_state).read_text())["full_since"] == 0.0
    assert number > 4
    assert {0, 1, 2, 3} <= resumed, "it was killed with every number of receipts on the disk"


def test_a_share_that_was_killed_is_not_counted(tmp_path):
    paths = make(tmp_path / "store")
    scrub(paths)
    assert not killed(paths, within_blob, 2, part="1/2")
    state_file = Path(paths.scrub_state)
    assert not state_file.exists() or json.loads(state_file.read_text())["part_runs"] == []
