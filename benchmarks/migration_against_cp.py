#!/usr/bin/env python
"""`store_merge` of N directories with the same models against `cp -a` of each into one directory, and against hashing.

Makes `--trees` directories of `--gigabytes` each in `--folder` (on a disk, not in memory), all with the same random
blobs as files of their own, and removes them at the end. Per round, in turn: hashing the unique bytes once
(`hash_files`, a process like the module's), the module into an empty store, `cp -a` and `sync`. Says for each the wall
time and what the kernel counted as written by that process, and how many bytes of blobs the store has that no source
shares. The figures of small sizes are those of starting Python and Ansible.
All are done with the blobs in the page cache (`--cold`: with them dropped from it).
Usage: migration_against_cp.py [--trees 8] [--gigabytes 2] [--rounds 3] [--cold] [--folder .cache]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.core.ownership import plan_store
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.module_utils.store.preparing import make_ready, read_directory
from digest_check_speed import cached, make_store

ROOM = "ansible_collections.corral.ollama.plugins"
TOKEN = "benchmark"
HASHING = f"""
import sys
from ansible.module_utils import basic  # what every module loads, the hashing alone would not
from {ROOM}.module_utils.store.hashing import hash_files
from pathlib import Path
paths = sorted(Path(sys.argv[1], "blobs").iterdir())
done = hash_files([(str(path), path.stat().st_size) for path in paths])
assert all(one.path.endswith(one.digest) for one in done)
"""


@dataclass(frozen=True)
class Run:
    """``written``: bytes that the kernel charged to the process, as it dirtied pages or wrote past the cache."""

    seconds: float
    written: int
    output: str = ""


def measure(*command: str) -> Run:
    begun = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read() if process.stdout else ""
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed: {output[-2000:]}")
    return Run(time.monotonic() - begun, used.ru_oublock * 512, output)


def hashing(tree: Path) -> Run:
    return measure(sys.executable, "-c", HASHING, str(tree))


def merging(trees: list[Path], folder: Path, store: Path) -> Run:
    """The module as Ansible runs it on a host, into a store that is ready and empty."""
    paths = store_at(str(store))
    found = read_directory(paths)
    make_ready(paths, found, plan_store(found, "benchmark", False).steps)
    LeaseFile(paths).acquire("benchmark", "1", 3600, TOKEN)
    sources = [{"name": tree.name, "path": str(tree)} for tree in trees]
    arguments = folder / "arguments.json"
    given = {"path": str(store), "lease_token": TOKEN, "sources": sources}
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
    return measure(sys.executable, "-m", f"{ROOM}.modules.store_merge", str(arguments))


def copying(trees: list[Path], target: Path) -> Run:
    """By hand: every volume into the shared one, and wait until it is on the disk."""
    target.mkdir()
    runs = [measure("cp", "-a", f"{tree}/.", str(target)) for tree in trees]
    runs.append(measure("sync", "-f", str(target)))
    return Run(sum(run.seconds for run in runs), sum(run.written for run in runs))


def own_bytes(store: Path, trees: list[Path]) -> int:
    """Bytes on the disk of blobs that are no hard links into a source."""
    shared = {path.stat().st_ino for tree in trees for path in (tree / "blobs").iterdir()}
    blobs = [path.stat() for path in (store / "blobs").iterdir()]
    return sum(found.st_blocks * 512 for found in blobs if found.st_ino not in shared)


def prepare(trees: list[Path], cold: bool) -> None:
    os.sync()
    for number, tree in enumerate(trees):
        # one tree is what is hashed; the seven others are only read by cp
        cached(sorted((tree / "blobs").iterdir()), keep=not cold and number == 0)


def one_round(trees: list[Path], folder: Path, number: int, cold: bool) -> tuple[float, float, int]:
    prepare(trees, cold)
    hashed = hashing(trees[0])
    prepare(trees, cold)
    store = folder / "store"
    merged = merging(trees, folder, store)
    result = json.loads(merged.output)
    if not result["changed"] or result["lacking"]:
        sys.exit(f"The merge was to publish all: {merged.output[-2000:]}")
    own = own_bytes(store, trees)
    prepare(trees, cold)
    by_hand = copying(trees, folder / "by-hand")
    for label, run in (("hashing once", hashed), ("store_merge", merged), ("cp -a, sync", by_hand)):
        print(f"{number}. {label:<13} {run.seconds:7.2f} s   written {run.written / 1e6:9.1f} MB", flush=True)
    space = result["space"]
    print(
        f"   blob data of the store's own: {own} bytes; linked {space['linked_bytes']}, copied {space['copied_bytes']};"
        f" {space['before_bytes'] / 1e9:.2f} GB -> {space['after_bytes'] / 1e9:.2f} GB, {space['percent']} % saved"
    )
    subprocess.run(["rm", "-rf", str(store), str(folder / "by-hand")], check=True)
    return merged.seconds / hashed.seconds, merged.seconds / by_hand.seconds, own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trees", type=int, default=8)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent.parent / ".cache")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        trees = [folder / f"ollama-{number}" for number in range(1, chosen.trees + 1)]
        make_store(trees[0], int(chosen.gigabytes * 1e9))
        for tree in trees[1:]:
            subprocess.run(["cp", "-a", "--reflink=never", str(trees[0]), str(tree)], check=True)
        rounds = [one_round(trees, folder, number, chosen.cold) for number in range(1, chosen.rounds + 1)]
    to_hashing, to_copying, own = zip(*rounds)
    spread = f"median of {len(rounds)}, {min(to_hashing):.2f} to {max(to_hashing):.2f}"
    print(f"store_merge takes {statistics.median(to_hashing):.2f} of hashing the unique bytes (goal 1.2; {spread}),")
    print(f"{statistics.median(to_copying):.2f} of cp -a, and writes {max(own)} bytes of blob data (goal 0).")


if __name__ == "__main__":
    main()
