#!/usr/bin/env python
"""`digest_check full` against `sha256sum` over the same warm files, in turns, in one run.

Makes a store of `--gigabytes` with random blobs in `--folder` (on a disk, not in memory) and removes it at the end.
Says, per round: wall time, processor time, memory, and how many pages of the store and of another file are in the page
cache before and after. A core's worth of a program is the bytes that it hashes in one second of processor time, so that
the figure holds on a busy machine too. Usage: digest_check_speed.py [--gigabytes 2] [--rounds 3] [--folder .cache]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.store.residency import Residency

MODULE = "ansible_collections.corral.ollama.plugins.modules.digest_check"
PIECE = 16 * 1024 * 1024
SHARES = (40, 25, 15, 10, 6, 4)
"""Sizes of the blobs in percent: few large, some small, as in a real store."""


@dataclass(frozen=True)
class Run:
    seconds: float
    processor: float
    memory: int
    output: str

    def per_core(self, size: int) -> float:
        """Bytes hashed in a second of processor time."""
        return size / self.processor


def make_blob(blobs: Path, size: int) -> tuple[str, int]:
    """A file of random bytes under its own digest; stays in the page cache."""
    sha, new = hashlib.sha256(), blobs / "new"
    with new.open("wb") as file:
        for start in range(0, size, PIECE):
            piece = os.urandom(min(PIECE, size - start))
            sha.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    new.rename(blobs / f"sha256-{sha.hexdigest()}")
    return sha.hexdigest(), size


def make_store(root: Path, size: int) -> None:
    """One model with a layer of each share."""
    (root / "blobs").mkdir(parents=True)
    made = [make_blob(root / "blobs", size * share // 100) for share in SHARES]
    entries = [{"mediaType": "x", "digest": f"sha256:{digest}", "size": length} for digest, length in made]
    manifest = root / "manifests/registry.ollama.ai/library/bench/1"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"schemaVersion": 2, "config": entries[-1], "layers": entries[:-1]}))


def measure(command: list[str], cores: int) -> Run:
    """Run it on the first ``cores`` processors; memory in MiB is the largest resident size."""
    usable = sorted(os.sched_getaffinity(0))[:cores]
    begun = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, usable)
    ) as process:
        output = process.stdout.read() if process.stdout else ""
        _pid, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[0]} failed: {output[-2000:]}")
    return Run(time.monotonic() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, output)


def digest_check(root: Path, cores: int, folder: Path) -> Run:
    """The module as Ansible runs it on a host, in a process of its own."""
    arguments = folder / "arguments.json"
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"path": str(root), "mode": "full", "threads": cores}}))
    run = measure([sys.executable, "-m", MODULE, str(arguments)], cores)
    if json.loads(run.output)["ok"] is not True:
        sys.exit(f"The store was to be whole: {run.output[-2000:]}")
    return run


def resident(paths: list[Path]) -> int:
    """Pages of these files in the page cache."""
    pages = 0
    for path in paths:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            absent = Residency(file.fileno(), found).absent(0, found.st_size)
        pages += (-(-found.st_size // 4096) * 4096 - sum(length for _start, length in absent)) // 4096
    return pages


def cached(paths: list[Path], keep: bool) -> None:
    """Read the files into the page cache, or drop them from it."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            if keep:
                while file.read(PIECE):
                    pass
            else:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def report(label: str, run: Run, size: int, reference: float, before: tuple[int, int], after: tuple[int, int]) -> None:
    ratio = run.per_core(size) / reference if reference else 1.0
    print(
        f"{label:<28} {run.seconds:6.2f} s  {run.processor:6.2f} s processor  {size / run.seconds / 1e6:6.0f} MB/s  "
        f"{run.per_core(size) / 1e6:6.0f} MB/s per core  {ratio:5.2f} x  {run.memory:3d} MiB  "
        f"pages of the store {before[0]} -> {after[0]}, of the other file {before[1]} -> {after[1]}"
    )


def rounds(root: Path, other: Path, folder: Path, size: int, count: int) -> tuple[list[float], list[int]]:
    blobs = sorted((root / "blobs").iterdir())
    every = len(os.sched_getaffinity(0))
    ratios, memory = [], []
    for number in range(1, count + 1):
        reference = 0.0
        for label, warm, cores in (
            ("sha256sum", True, 1),
            ("digest_check, 1 core", True, 1),
            (f"digest_check, {every} cores", True, every),
            (f"digest_check, cold, {every}", False, every),
        ):
            cached([*blobs, other], True)
            cached([] if warm else blobs, False)
            before = resident(blobs), resident([other])
            if label == "sha256sum":
                run = measure(["sha256sum", *map(str, blobs)], cores)
                reference = run.per_core(size)
            else:
                run = digest_check(root, cores, folder)
                memory.append(run.memory)
                if warm:
                    ratios.append(run.per_core(size) / reference)
            report(f"{number}. {label}", run, size, reference, before, (resident(blobs), resident([other])))
    return ratios, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parent.parent / ".cache")
    chosen = parser.parse_args()
    size = sum(int(chosen.gigabytes * 1e9) * share // 100 for share in SHARES)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder = Path(name)
        make_store(folder / "store", int(chosen.gigabytes * 1e9))
        make_blob(folder, 256 * 1024 * 1024)
        (other,) = folder.glob("sha256-*")
        ratios, memory = rounds(folder / "store", other, folder, size, chosen.rounds)
    spread = f"median of {len(ratios)}, {min(ratios):.2f} to {max(ratios):.2f}"
    print(f"A core's worth of digest_check is {statistics.median(ratios):.2f} of sha256sum's (goal 3.5; {spread}),")
    print(f"the start of Python and Ansible included; memory at most {max(memory)} MiB (goal 64).")


if __name__ == "__main__":
    main()
