#!/usr/bin/env python
"""What requests notice of a scrub: their latency with and without a rate-limited scrub of the same store, in turns.

A practice server reads a store in a volume, with `--gigabytes` of blobs beside its models. `--clients` threads send
`POST /api/generate` one after another; in every second turn a full scrub of the store runs, held back to `--rate`
bytes a second, in the idle I/O class and nice, from before the first request to after the last. Given are median and
p99 of each way and their ratios. `make practice` must have run.
Usage: scrub_latency.py [--requests 2000] [--rounds 3] [--gigabytes 4] [--rate 100000000]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import requests
from digest_check_speed import make_store
from scene import Scene, pull, scene  # before the practice library: it makes that importable
from scrub_speed import MODULE, ready

from corral_practice.models import tiny_model  # isort: skip
from corral_practice.oci import Registry  # isort: skip

NAME, REGISTRY = "bench-latency:1", "https://127.0.0.1:5443"


class Clients:
    """Threads that ask one after another; ``latencies`` in seconds."""

    def __init__(self, url: str, count: int, clients: int) -> None:
        self._url, self._left, self._lock = url, count, threading.Lock()
        self.latencies: list[float] = []
        self.errors: list[str] = []
        self._threads = [threading.Thread(target=self._work) for _ in range(clients)]

    def run(self) -> None:
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def _take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def _work(self) -> None:
        session = requests.Session()
        question = {"model": NAME, "prompt": "hello", "stream": False}
        while self._take():
            begun = time.perf_counter()
            answer = session.post(f"{self._url}/api/generate", json=question, timeout=60)
            seconds = time.perf_counter() - begun
            with self._lock:
                if answer.ok:
                    self.latencies.append(seconds)
                else:
                    self.errors.append(answer.text)


@contextlib.contextmanager
def scrubbing(root: Path, folder: Path, rate: int) -> Iterator[subprocess.Popen[bytes]]:
    """A full scrub from the beginning; killed at the end, which it survives. Yields when it has begun to read."""
    for name in ("scrub-state.json", "receipts.jsonl"):
        (root / ".corral" / name).unlink(missing_ok=True)
    progress, arguments = folder / "progress.json", folder / "arguments.json"
    progress.unlink(missing_ok=True)
    given = {"path": str(root), "mode": "full", "bytes_per_second": rate, "progress_path": str(progress)}
    arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}))
    process = subprocess.Popen([sys.executable, "-m", MODULE, str(arguments)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not progress.exists():
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


def turn(url: str, options: argparse.Namespace, root: Path, folder: Path, scrubs: bool) -> list[float]:
    clients = Clients(url, options.requests, options.clients)
    if not scrubs:
        clients.run()
    else:
        with scrubbing(root, folder, options.rate) as process:
            clients.run()
            if process.poll() is not None:
                sys.exit("The scrub ended before the requests did: give more --gigabytes, or a lower --rate.")
    if clients.errors:
        sys.exit(f"{len(clients.errors)} requests failed, the first with: {clients.errors[0][:500]}")
    return clients.latencies


def figures(latencies: list[float]) -> tuple[float, float]:
    """Median and p99 in milliseconds."""
    return statistics.median(latencies) * 1000, statistics.quantiles(latencies, n=100)[98] * 1000


def prepared(stage: Scene, size: int) -> tuple[str, Path]:
    """A server on a store with one small model that it serves, and large blobs."""
    root = stage.store("latency")
    (root / "blobs").rmdir()
    make_store(root, size)
    ready(root)
    Registry(REGISTRY).push(NAME, tiny_model(seed=7))
    writer = stage.server("latency-writer", "latency", mode="rw")
    pull(writer, NAME)
    return stage.server("latency", "latency"), root


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000, help="of each turn")
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--rate", type=int, default=100_000_000, help="bytes a second of the scrub")
    parser.add_argument("--image", help="the server's image (default: the practice server)")
    options = parser.parse_args()
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    with scene(options.image) as stage, tempfile.TemporaryDirectory() as name:
        url, root = prepared(stage, int(options.gigabytes * 1e9))
        turn(url, options, root, Path(name), False)  # the first requests load the model
        for number in range(1, options.rounds + 1):
            for scrubs in (False, True):
                found[scrubs].append(figures(turn(url, options, root, Path(name), scrubs)))
                median, p99 = found[scrubs][-1]
                print(f"{number}. {'with' if scrubs else 'without'} a scrub: median {median:.2f} ms, p99 {p99:.2f} ms")
    Registry(REGISTRY).delete(NAME)
    for index, what in enumerate(("median", "p99")):
        calm, busy = (statistics.median(one[index] for one in found[scrubs]) for scrubs in (False, True))
        print(f"{what}: {calm:.2f} ms without, {busy:.2f} ms with a scrub at {options.rate / 1e6:g} MB/s:", end=" ")
        print(f"{busy / calm:.2f} x")


if __name__ == "__main__":
    main()
