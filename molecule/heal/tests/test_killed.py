# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Repair, prune and scrub, killed at one step after another, with nothing to clean up after them: the next run goes on
from what it meets, and the end is that of a run that nobody disturbed. A blob is damaged when this begins."""

from __future__ import annotations

import json

import pytest
from damaging import cut, expire_lease, flip, started, sums
from lab import STORE, in_staging, manifests, wait_until, weights_of

LEASE = f"{STORE}/.corral.lease"
FLIPPED, CUT = "registry.ollama.ai/library/llava/7b", "registry.ollama.ai/library/codellama/7b"


def killed_when(lab, playbook, condition, what, **variables):
    """Start a playbook, kill it on both sides as soon as the condition holds, and let its lease run out."""
    process = lab.start(playbook, **variables)
    wait_until(lambda: process.poll() is not None or condition(), 120, what)
    assert process.poll() is None, f"it ended before {what}:\n{lab.finish(process).output[-3000:]}"
    lab.kill(process)
    process.wait()
    expire_lease(lab)


def quarantined(lab):
    return len(lab.sh(f"ls -A {STORE}/.corral/quarantine 2>/dev/null", check=False).split())


def orphans(lab):
    return int(lab.sh(f"find {STORE}/blobs -name 'sha256-0000*' | wc -l"))


@pytest.fixture(scope="module")
def whole(lab):
    """Every file of the store as it was before any damage: what was flipped has its right digest in its name."""
    found = sums(lab)
    return {path: path.rpartition("sha256-")[2] if path.startswith("blobs/") else found[path] for path in found}


@pytest.fixture(scope="module")
def digest(lab):
    return weights_of(manifests(lab)[FLIPPED])


def test_repair(lab, whole, digest):
    """Killed within the download, after something is in the quarantine, and after three of eight restarts."""
    cut(lab, CUT)
    set_aside, before = quarantined(lab), started(lab)
    slow = {"repair_bytes_per_second": 1_000_000}
    killed_when(lab, "repair", lambda: in_staging(lab), "the download", **slow)
    killed_when(lab, "repair", lambda: quarantined(lab) > set_aside, "something in the quarantine")

    def three_moved():
        now = started(lab)
        return sum(now.get(name, when) != when for name, when in before.items()) >= 3

    killed_when(lab, "repair", three_moved, "three restarts")
    assert {path: held for path, held in sums(lab).items() if path in whole} == whole
    lab.run("repair").ok()
    assert sums(lab) == whole
    assert [name for name, when in started(lab).items() if when == before[name]] == []
    assert in_staging(lab) == []
    assert lab.run("repair").ok().changed == []
    for port in (11434, 11441):
        body = {"model": "llava:7b", "prompt": "hello", "stream": False}
        assert lab.api(port, "/api/generate", body)["done"] is True


def test_prune(lab, whole):
    """Killed with the lease, and within the removals; nothing that a model needs is gone at any moment."""
    count = 5000
    lab.sh(f"cd {STORE}/blobs && for n in $(seq {count}); do echo $n > $(printf 'sha256-%064d' $n); done")
    wish = {"prune_apply": True, "prune_min_age": 0}
    killed_when(lab, "prune", lambda: lab.sh(f"ls {LEASE} 2>/dev/null", check=False), "the lease", **wish)
    killed_when(lab, "prune", lambda: orphans(lab) < count, "the first removal", **wish)
    assert {path: held for path, held in sums(lab).items() if path in whole} == whole
    lab.run("prune", **wish).ok()
    assert sums(lab) == whole
    assert lab.run("prune", **wish).ok().changed == []


def test_scrub(lab, whole, digest):
    """Killed after some blobs: what was read is not read again, and the verdict is the same."""
    receipts = f"{STORE}/.corral/receipts.jsonl"
    size = lambda: int(lab.sh(f"stat -c %s {receipts}"))  # noqa: E731
    before = size()
    slow = {"scrub_mode": "full", "scrub_bytes_per_second": 10_000_000}
    killed_when(lab, "scrub", lambda: size() > before, "the first receipt", **slow)
    flip(lab, digest)
    cut(lab, CUT)
    lab.run("scrub", scrub_mode="full").failed("llava:7b", "codellama:7b")
    scrub = json.loads(lab.sh(f"cat {STORE}/.corral/scrub.json"))
    assert 0 < scrub["read"]["blobs"] < scrub["store"]["blobs"]
    assert scrub["complete"] is True
    assert sorted(scrub["models_affected"]) == ["codellama:7b", "llava:7b"]
