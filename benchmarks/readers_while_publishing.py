#!/usr/bin/env python
"""What readers see while models are published, re-published and removed: Corral's way beside pulling in place.

Two readers share a store. Four threads poll `/api/tags` and `/api/show` of one model that is there all the time, while
the store is written by Corral (publish: that model goes to and fro between two versions, others are published;
remove: another is published and removed, over and over) and by a server in place: that model is pulled again,
another is copied and deleted. Counted are absences (HTTP 200 without the model) and errors (any other answer).
Usage: readers_while_publishing.py [--polls 10000]
"""

from __future__ import annotations

import argparse
import itertools
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import requests
from ansible_collections.corral.ollama.plugins.module_utils.core.manifests import Manifest
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import StorePaths, store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.module_utils.store.publish import Publisher
from ansible_collections.corral.ollama.plugins.module_utils.store.reading import StoredModel, stored_model
from ansible_collections.corral.ollama.plugins.module_utils.store.verifier import Verifier
from ansible_collections.corral.ollama.plugins.modules.store import prepare as prepare_store
from scene import Scene, pull, scene  # first: it makes the practice library importable

from corral_practice.models import tiny_model  # isort: skip
from corral_practice.oci import Registry  # isort: skip

STEADY, OTHER, COPY = "bench-steady:1", "bench-other:1", "bench-copy:1"


class Polls:
    """Polls until a count is reached; what was not as it should be is in `seen`."""

    def __init__(self, readers: list[str], count: int) -> None:
        self._readers, self._left, self._lock = readers, count, threading.Lock()
        self.seen: Counter[str] = Counter()
        self.threads = [threading.Thread(target=self._work, args=(index,)) for index in range(4)]

    def _take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def _work(self, index: int) -> None:
        session = requests.Session()
        url, tags = self._readers[index % len(self._readers)], index < 2
        while self._take():
            if tags:
                answer = session.get(f"{url}/api/tags", timeout=30)
                names = [model["name"] for model in answer.json()["models"]] if answer.ok else []
                verdict = "error" if not answer.ok else "seen" if STEADY in names else "absent"
            else:
                answer = session.post(f"{url}/api/show", json={"model": STEADY}, timeout=30)
                verdict = "seen" if answer.ok else "error"
            with self._lock:
                self.seen[f"{'tags' if tags else 'show'} {verdict}"] += 1

    def during(self, change: Callable[[], None]) -> int:
        """Poll while `change` is called over and over; gives how often it was."""
        changes = 0
        for thread in self.threads:
            thread.start()
        while any(thread.is_alive() for thread in self.threads):
            change()
            changes += 1
        return changes


def corral_way(stage: Scene, polls: int) -> list[tuple[str, int, Counter[str]]]:
    root = stage.store("corral")
    _make_store(root)
    paths = store_at(str(root))
    puller = stage.server("puller", "corral", mode="rw", models="/store/.corral/incoming")
    lease = LeaseFile(paths)
    token = lease.acquire("benchmark", "", 3600)[0].token
    versions = [_staged(puller, paths, STEADY, seed) for seed in (1, 2)]
    other = _staged(puller, paths, OTHER, 3)
    steady, turn, number = parse_name(STEADY), itertools.cycle((1, 0)), itertools.count(2)
    with Verifier(2) as verifier:
        publisher = Publisher(paths, lease, token, verifier)
        publisher.publish(steady, *versions[0])
        readers = [stage.server(f"reader{index}", "corral") for index in (1, 2)]

        def publish() -> None:
            publisher.publish(steady, *versions[next(turn)])
            publisher.publish(parse_name(f"bench-other:{next(number) % 100}"), *other)

        def remove() -> None:
            publisher.publish(parse_name(OTHER), *other)
            publisher.remove(parse_name(OTHER))

        found = []
        for way, change in (("publish", publish), ("remove", remove)):
            polling = Polls(readers, polls)
            found.append((way, polling.during(change), polling.seen))
        return found


def in_place_way(stage: Scene, polls: int) -> tuple[int, Counter[str]]:
    stage.store("inplace")
    writer = stage.server("writer", "inplace", mode="rw")
    _push(STEADY, 1)
    pull(writer, STEADY)
    readers = [stage.server(f"inplace{index}", "inplace") for index in (1, 2)]
    session = requests.Session()

    def change() -> None:
        pull(writer, STEADY)
        session.post(f"{writer}/api/copy", json={"source": STEADY, "destination": COPY}, timeout=30)
        session.delete(f"{writer}/api/delete", json={"model": COPY}, timeout=30)

    polling = Polls(readers, polls)
    return polling.during(change), polling.seen


def _make_store(root: Path) -> None:
    work = prepare_store({"path": str(root), "project": "bench", "adopt": True, "state": "ready"})
    if work.apply:
        work.apply()


def _push(name: str, seed: int) -> None:
    Registry("https://127.0.0.1:5443").push(name, tiny_model(seed=seed))


def _staged(puller: str, paths: StorePaths, name: str, seed: int) -> tuple[StoredModel, Manifest]:
    _push(name, seed)
    pull(puller, name)
    staged = stored_model(paths.staging, parse_name(name))
    if staged is None or staged.manifest is None:
        raise RuntimeError(f"{name} is not in staging")
    return staged, staged.manifest


def _show(way: str, changes: int, seen: Counter[str]) -> int:
    absent, errors = seen["tags absent"], seen["tags error"] + seen["show error"]
    print(f"{way:10} {changes:6} changes, {sum(seen.values()):6} polls: {absent:5} absences, {errors:5} errors")
    return absent + errors


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--polls", type=int, default=10_000, help="polls of each way")
    parser.add_argument("--image", help="the server's image (default: the practice server)")
    options = parser.parse_args()
    with scene(options.image) as stage:
        bad = [_show(*found) for found in corral_way(stage, options.polls)]
    with scene(options.image) as stage:
        _show("in place", *in_place_way(stage, options.polls))
    for name in (STEADY, OTHER):
        Registry("https://127.0.0.1:5443").delete(name)
    return int(any(bad))


if __name__ == "__main__":
    sys.exit(main())
