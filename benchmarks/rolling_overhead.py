#!/usr/bin/env python
"""A rolling restart of eight against the sum of what is unavoidable in it, with one and with two out at a time.

Deploys the practice fleet with its gateway under a project of its own (ports from 28434), and in each round restarts
all of it with the playbook `rolling_restart`. What is unavoidable in a batch: that its requests end (as the audit log
has it), that its containers are made anew (`docker compose up --force-recreate` by hand, timed for the same batch in
the same round), and that each of them is up, loads its models and answers with them (as the audit log has it). What
Corral adds are Ansible's tasks, the record, the gateway's checks and the time for which it watches; `--watch` is that
time, which is a choice.
With `--load 10` the stand-in takes that long to load a model, as a real server may with a large one; without it it
takes 0.05 s, and the sum is hardly more than that of the containers.
Usage: rolling_overhead.py [--rounds 3] [--instances 8] [--max-unavailable 1 2] [--watch 0] [--load 0.05]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from scene import playbook, wait_for

PROJECT = "corralroll"
PORT = 28434
FOLDER = Path("/opt/corral") / PROJECT
AUDIT = Path("/var/lib/corral") / PROJECT / "audit.jsonl"
MODELS = ["llama3.2:3b", "nomic-embed-text:v1.5"]


@dataclass(frozen=True)
class Parts:
    """Seconds of one roll, by what they went into; a batch takes as long as the slowest of its instances."""

    drain: float
    start: float
    up: float
    load: float
    probe: float
    undrain: float
    watch: float

    @property
    def unavoidable(self) -> float:
        return self.drain + self.start + self.up + self.load + self.probe


def fleet(options: argparse.Namespace, **more: Any) -> str:
    own = {"corral_project": PROJECT, "corral_base_port": PORT, "corral_gateway_port": PORT - 1}
    wish = {"corral_instance_count": options.instances, "corral_models": MODELS}
    return json.dumps({**own, **wish, "corral_environment": {"PRACTICE_LOAD_SECONDS": str(options.load)}, **more})


def events(beyond: int) -> list[dict[str, Any]]:
    """The lines of the audit log after so many."""
    return [json.loads(line) for line in AUDIT.read_text(encoding="utf-8").splitlines()[beyond:]]


def told(seen: list[dict[str, Any]], event: str, fact: str) -> dict[str, Any]:
    """What the lines about such events say of each instance."""
    return {name: line[fact] for line in seen if line["event"] == event for name in line["instances"]}


def lines() -> int:
    return len(AUDIT.read_text(encoding="utf-8").splitlines()) if AUDIT.exists() else 0


def by_hand(batch: list[str]) -> float:
    """Seconds until Compose has made these containers anew: the floor of that step, with no Ansible in it."""
    begun = time.monotonic()
    command = ["docker", "compose", "up", "-d", "--no-deps", "--force-recreate", *batch]
    subprocess.run(command, cwd=FOLDER, check=True, capture_output=True)
    taken = time.monotonic() - begun
    for name in batch:
        wait_for(f"http://127.0.0.1:{PORT - 1 + int(name.rpartition('-')[2])}")
    return taken


def warm(instances: int) -> None:
    """Every instance has its models in memory, as one in service has: then a restart has to load them again."""
    for port in range(PORT, PORT + instances):
        url = f"http://127.0.0.1:{port}"
        body = {"model": MODELS[0], "prompt": "Hello", "stream": False, "options": {"num_predict": 1}}
        requests.post(f"{url}/api/generate", json=body, timeout=60).raise_for_status()
        requests.post(f"{url}/api/embed", json={"model": MODELS[1], "input": "one"}, timeout=60).raise_for_status()


def batches_of(seen: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """Who was drained together: without anybody coming back in between."""
    batches: list[tuple[str, ...]] = []
    together = False
    for event in seen:
        if event["event"] == "draining":
            if not together:
                batches.append(())
            batches[-1] += tuple(event["instances"])
        together = event["event"] in ("draining", "drained")
    return batches


def parts(seen: list[dict[str, Any]], starts: dict[tuple[str, ...], float]) -> Parts:
    batches = batches_of(seen)
    drained, done = told(seen, "drained", "waited_seconds"), told(seen, "done", "seconds")
    if sorted(done) != sorted(name for batch in batches for name in batch):
        sys.exit(f"not every instance of {batches} was restarted: {sorted(done)}")

    def slowest(part: str) -> float:
        return sum(max(float(done[name].get(part, 0.0)) for name in batch) for batch in batches)

    return Parts(
        sum(max(float(drained[name]) for name in batch) for batch in batches),
        sum(starts[batch] for batch in batches),
        *(slowest(part) for part in ("up", "load", "probe", "undrain", "watch")),
    )


def one_round(options: argparse.Namespace, out: int) -> float:
    """Wall time of the playbook, Ansible's start included, over what is unavoidable."""
    warm(options.instances)
    before = lines()
    knobs = {"corral_min_healthy_time": options.watch, "corral_canary_healthy_time": options.watch, "corral_canary": 0}
    variables = fleet(options, corral_force=True, corral_max_unavailable=out, **knobs)
    wall, _output = playbook("rolling_restart", variables)
    seen = events(before)
    batches = batches_of(seen)
    spent = parts(seen, {batch: by_hand(list(batch)) for batch in batches})
    print(
        f"{options.instances} instances, {out} out at a time: {wall:.1f} s, {len(batches)} batches; unavoidable "
        f"{spent.unavoidable:.1f} s (drain {spent.drain:.1f}, containers {spent.start:.1f}, up {spent.up:.1f}, "
        f"load {spent.load:.1f}, probe {spent.probe:.1f}); undrain {spent.undrain:.1f}, watch {spent.watch:.1f}: "
        f"{wall / spent.unavoidable:.2f}",
        flush=True,
    )
    return wall / spent.unavoidable


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--max-unavailable", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--watch", type=int, default=0, help="min_healthy_time, in seconds")
    parser.add_argument("--load", type=float, default=0.05, help="seconds that a model takes to load")
    options = parser.parse_args()
    ratios = {}
    try:
        playbook("site", fleet(options))
        for out in options.max_unavailable:
            ratios[out] = [one_round(options, out) for _round in range(options.rounds)]
    finally:
        playbook("teardown", fleet(options), "teardown_store=true")
    for out, measured in ratios.items():
        print(f"{out} out at a time: median {statistics.median(measured):.2f} of {len(measured)} (goal 1.25)")
    return 0 if all(statistics.median(measured) <= 1.25 for measured in ratios.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
