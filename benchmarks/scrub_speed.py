#!/usr/bin/env python
"""How fast a store is scrubbed: an unchanged one in a moment, a whole one at the processors' own speed.

1. A store of `--blobs` small blobs, five to a model, is read once; then it is scrubbed again and again, unchanged, by
   the module in a process of its own: seconds and resident memory, the start of Python and Ansible included.
2. A store of `--gigabytes` is scrubbed in full, from the page cache and past it, in turns with
   `openssl speed -evp sha256` on all processors: bytes a second, as the ratio to openssl's. One blob is hashed by one
   processor: more processors than large blobs are of no use.
The stores are made in `--folder` (on a disk) and removed at the end. Memory is the largest of all runs.
Usage: scrub_speed.py [--blobs 10000] [--gigabytes 4] [--rounds 3] [--folder .cache]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.modules.store import prepare as prepare_store
from digest_check_speed import Run, cached, make_store, measure, resident

MODULE = "ansible_collections.corral.ollama.plugins.modules.store_scrub"
PER_MODEL = 5
GOAL_SECONDS, GOAL_RATIO, GOAL_MIB = 1.0, 0.9, 64


def ready(root: Path) -> None:
    work = prepare_store({"path": str(root), "project": "bench", "adopt": True, "state": "ready"})
    if work.apply:
        work.apply()


def make_many(root: Path, count: int) -> None:
    """Small blobs, each of its own bytes, in models of five."""
    (root / "blobs").mkdir(parents=True)
    for model in range(count // PER_MODEL):
        entries = []
        for number in range(PER_MODEL):
            data = f"{model}-{number}\n".encode() * 50
            digest = hashlib.sha256(data).hexdigest()
            (root / "blobs" / f"sha256-{digest}").write_bytes(data)
            entries.append({"mediaType": "x", "digest": f"sha256:{digest}", "size": len(data)})
        manifest = root / f"manifests/registry.ollama.ai/library/bench{model // 100}/{model}"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps({"schemaVersion": 2, "config": entries[0], "layers": entries[1:]}))


def scrub(root: Path, folder: Path, **options: Any) -> tuple[Run, dict[str, Any]]:
    """The module as Ansible runs it on a host; its run, and what it said."""
    arguments = folder / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"path": str(root), "nice": 0, **options}}))
    run = measure([sys.executable, "-m", MODULE, str(arguments)], len(os.sched_getaffinity(0)))
    said = json.loads(run.output)
    if said.get("ok") is not True or said["scrub"]["complete"] is not True:
        sys.exit(f"The store was to be whole: {run.output[-2000:]}")
    return run, said["scrub"]


def openssl(seconds: int) -> float:
    """Bytes a second that openssl hashes on all processors, in pieces of 16 KiB."""
    command = ["openssl", "speed", "-evp", "sha256", "-bytes", "16384", "-seconds", str(seconds), "-mr"]
    command += ["-multi", str(len(os.sched_getaffinity(0)))]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    # the last line is the sum of all processes: +F:22:sha256:1234567.89
    sums = re.findall(r"^\+F:\d+:sha256:([0-9.]+)$", said, re.MULTILINE | re.IGNORECASE)
    if not sums:
        sys.exit(f"openssl speed said something else than expected: {said[-1000:]}")
    return float(sums[-1])


def unchanged(root: Path, folder: Path, rounds: int) -> tuple[list[float], list[int]]:
    first, said = scrub(root, folder)
    print(f"first scrub, {said['read']['blobs']} blobs: {first.seconds:.2f} s, {first.memory} MiB")
    seconds, memory = [], [first.memory]
    for number in range(1, rounds + 1):
        run, said = scrub(root, folder)
        if said["read"]["blobs"]:
            sys.exit("An unchanged store was read.")
        seconds.append(run.seconds)
        memory.append(run.memory)
        print(f"{number}. unchanged: {run.seconds:.2f} s wall, {run.processor:.2f} s processor, {run.memory} MiB")
    return seconds, memory


def whole(root: Path, folder: Path, rounds: int) -> tuple[list[float], list[float], list[int]]:
    """Ratios to openssl from the cache, and past it."""
    blobs = sorted((root / "blobs").iterdir())
    ratios: dict[bool, list[float]] = {True: [], False: []}
    memory = []
    for number in range(1, rounds + 1):
        for warm in (True, False):
            reference = openssl(3)
            cached(blobs, True)
            cached([] if warm else blobs, False)
            before = resident(blobs)
            run, said = scrub(root, folder, mode="full")
            rate = said["read"]["bytes_per_second"]
            ratios[warm].append(rate / reference)
            memory.append(run.memory)
            print(
                f"{number}. full, {'from the cache' if warm else 'past the cache'}: {rate / 1e6:5.0f} MB/s, openssl "
                f"{reference / 1e6:5.0f} MB/s, {rate / reference:.2f} x, {run.memory} MiB, pages of the store in the "
                f"cache {before} -> {resident(blobs)}"
            )
    return ratios[True], ratios[False], memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blobs", type=int, default=10_000)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent.parent / ".cache")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        make_many(folder / "many", chosen.blobs)
        make_store(folder / "large", int(chosen.gigabytes * 1e9))
        for root in (folder / "many", folder / "large"):
            ready(root)
        seconds, memory = unchanged(folder / "many", folder, chosen.rounds)
        warm, cold, more = whole(folder / "large", folder, chosen.rounds)
        memory += [*more, scrub(folder / "many", folder, mode="full")[0].memory]
    print(f"Unchanged, {chosen.blobs} blobs: {statistics.median(seconds):.2f} s (goal {GOAL_SECONDS:g}),", end=" ")
    print(f"{statistics.median(seconds) / GOAL_SECONDS:.2f} of the goal; {min(seconds):.2f} to {max(seconds):.2f}.")
    for way, ratios in (
        (f"from the cache (goal {GOAL_RATIO:g})", warm),
        ("past the cache, as fast as the disk is", cold),
    ):
        print(f"Full, {way}: {statistics.median(ratios):.2f} of openssl speed; {min(ratios):.2f} to {max(ratios):.2f}.")
    print(f"Memory: {max(memory)} MiB at most (goal {GOAL_MIB}).")


if __name__ == "__main__":
    main()
