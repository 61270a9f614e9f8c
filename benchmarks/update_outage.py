#!/usr/bin/env python
"""A new version of a model: the procedure by hand that stops all servers, against `update_models`, in one run.

By hand: eight servers on one store of their own are stopped, one that may write pulls, and the eight are started
again until each has answered. With Corral: a fleet of eight with its gateway (ports from 27434) and the playbook. All
the while a client asks the very model that moves, ten times a second, by hand whichever server answers first, with
Corral the gateway. The time without service is that from the last answer before a request that failed to the next
answer. Both begin with the old version and end with every server answering with the new one.
Usage: update_outage.py [--rounds 2] [--instances 8]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

import requests
from scene import Scene, playbook, pull, scene, wait_for

from corral_practice.front import Front  # isort: skip

PROJECT = "corralupdate"
PORT, HAND = 27434, 27634
MODEL, OLD, NEW = "mistral:bench", "mistral:7b", "mistral:7b-v2"


def move(version: str) -> None:
    Front().registry.move_tag(MODEL, version)


def answers(url: str, timeout: float) -> bool:
    body = {"model": MODEL, "prompt": "Hello", "stream": False, "options": {"num_predict": 1}}
    try:
        return bool(requests.post(f"{url}/api/generate", json=body, timeout=timeout).json().get("done"))
    except (requests.RequestException, ValueError):
        return False


def digest(url: str) -> str:
    listed = requests.get(f"{url}/api/tags", timeout=30).json()["models"]
    return next((str(model["digest"]) for model in listed if model["name"] == MODEL), "")


@dataclass
class Sampler:
    """Asks ten times a second, until it is told to stop, and adds up the time without an answer."""

    urls: list[str]
    asked: int = 0
    failed: int = 0
    without: float = 0.0
    longest: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Sampler:
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        served, out = time.monotonic(), False
        while not self._stop.is_set():
            begun = time.monotonic()
            good = any(answers(url, 60) for url in self.urls)
            now = time.monotonic()
            self.asked += 1
            self.failed += not good
            if good:
                self.longest = max(self.longest, now - begun)
                self.without += now - served if out else 0.0
                served = now
            out = not good
            self._stop.wait(0.1)
        self.without += time.monotonic() - served if out else 0.0


def say(how: str, total: float, seen: Sampler) -> None:
    print(
        f"{how}: {total:.1f} s in all, {seen.without:.1f} s without service, {seen.failed} of {seen.asked} requests "
        f"failed, the longest answer took {seen.longest:.2f} s",
        flush=True,
    )


def by_hand(stage: Scene, urls: list[str]) -> tuple[float, float]:
    """(seconds in all, seconds without service)."""
    names = [f"corral-bench-h{number}" for number in range(len(urls))]
    move(NEW)
    with Sampler(urls) as seen:
        time.sleep(1)
        begun = time.monotonic()
        subprocess.run(["docker", "stop", *names], check=True, capture_output=True)
        pull(stage.server("puller", "hand", mode="rw"), MODEL)
        stage.made.pop().remove(force=True)
        subprocess.run(["docker", "start", *names], check=True, capture_output=True)
        for url in urls:
            wait_for(url)
            if not answers(url, 120):
                sys.exit(f"{url} does not answer with {MODEL}")
        total = time.monotonic() - begun
        time.sleep(1)
    say("by hand", total, seen)
    return total, seen.without


def by_corral(fleet: str, count: int) -> tuple[float, float]:
    """The same for the playbook, and then until each has answered."""
    move(NEW)
    urls = [f"http://127.0.0.1:{port}" for port in range(PORT, PORT + count)]
    with Sampler([f"http://127.0.0.1:{PORT - 1}"]) as seen:
        time.sleep(1)
        begun = time.monotonic()
        playbook("update_models", fleet)
        silent = [url for url in urls if not answers(url, 120)]
        total = time.monotonic() - begun
        time.sleep(1)
    wanted = Front().registry.digest(NEW)
    if silent or {digest(url) for url in urls} != {wanted}:
        sys.exit(f"{silent or urls} do not serve {MODEL} at {wanted}")
    say("update_models", total, seen)
    return total, seen.without


def back(stage: Scene, fleet: str) -> None:
    """Everybody has the old version again, and has it loaded."""
    move(OLD)
    pull(stage.server("puller", "hand", mode="rw"), MODEL)
    stage.made.pop().remove(force=True)
    playbook("update_models", fleet)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--instances", type=int, default=8)
    options = parser.parse_args()
    own = {"corral_project": PROJECT, "corral_base_port": PORT, "corral_gateway_port": PORT - 1}
    wish = {"corral_instance_count": options.instances, "corral_models": [{"name": MODEL, "state": "latest"}]}
    fleet = json.dumps({**own, **wish})
    hand, corral = [], []
    try:
        with scene(None) as stage:
            move(OLD)
            stage.store("hand")
            pull(stage.server("puller", "hand", mode="rw"), MODEL)
            stage.made.pop().remove(force=True)
            urls = [stage.server(f"h{number}", "hand", port=HAND + number) for number in range(options.instances)]
            playbook("site", fleet)
            for turn in range(options.rounds):
                if turn:
                    back(stage, fleet)
                hand.append(by_hand(stage, urls))
                corral.append(by_corral(fleet, options.instances))
    finally:
        playbook("teardown", fleet, "teardown_store=true")
    for how, rows in (("by hand", hand), ("update_models", corral)):
        total, without = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{how}: median of {len(rows)}: {without:.1f} s without service, {total:.1f} s in all")
    return 0 if not any(without for _total, without in corral) else 1


if __name__ == "__main__":
    sys.exit(main())
