#!/usr/bin/env python
"""Nothing is wrong, for as long as you like, and nothing says otherwise: no alert, no failed verification.

A practice fleet with its gateway, the exporter, and Prometheus and Alertmanager with the rules, holds and intervals as
shipped (ports from 26530, with `--dying` from 26630). Meanwhile clients ask through the gateway; the playbooks
`update_models` (which finds nothing new), `scrub` and `verify` (every other one deep) run without a pause; twice a
second a list of some instance lacks a model that is there, as lists do while a pull rewrites a manifest; and a third of
the way in everything is restarted by `rolling_restart`. Nobody verifies while that runs: it takes instances out, and
proves them itself.
With `--dying` the same exporter is scraped every second while instances crash, stop and come back, and nothing is
expected of the alerts, but of the exporter: that every scrape is answered, and what memory and CPU it takes.
The result is JSON (`--out`) and rows for docs/performance.md; the exit status is 1 where something was not as hoped.
Usage: soak_no_false_alarm.py [--minutes 30] [--instances 8] [--dying] [--out soak.json]
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import docker
import requests
from scene import ROOT
from soak_found import Found, table

sys.path.insert(0, str(ROOT / "tests/monitoring"))

from watched import Watched, watching  # isort: skip

#: A project and a first port for the healthy and for the dying fleet: both may run at a time.
HEALTHY, DYING = ("corralsoak", 26530), ("corraldying", 26630)
CHAT, EMBEDDING = MODELS = ("llava:7b", "nomic-embed-text:v1.5")
#: Requests of all clients and lists that lack a model, each a second.
RATE, FLICKER = 10.0, 2.0


def say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


class Soak:
    def __init__(self, watched: Watched, minutes: float, dying: bool) -> None:
        self.watched, self.minutes, self.dying = watched, minutes, dying
        self.found = Found()
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._verifying = threading.Lock()

    def go(self) -> Found:
        lanes = [self.kill] if self.dying else [self.clients, self.flicker, self.playbooks, self.verify, self.roll]
        threads = [
            threading.Thread(target=self._lane, args=(lane,), name=lane.__name__) for lane in (self.look, *lanes)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            self.over.wait(self.minutes * 60)
        finally:
            self.over.set()
            for thread in threads:
                thread.join()
        self.found.minutes = round((time.monotonic() - began) / 60, 1)
        self._ask_prometheus(time.monotonic() - began)
        return self.found

    def _lane(self, lane: Callable[[], None]) -> None:
        try:
            lane()
        except Exception as error:
            self._failed(f"{lane.__name__}: {type(error).__name__}: {error}")

    def _failed(self, what: str) -> None:
        say(what)
        with self._lock:
            self.found.failed_playbooks.append(what)

    def look(self) -> None:
        """Once a second: what is pending or fires, and what the exporter takes."""
        cpu = self.watched.cpu
        seen: dict[str, Counter[str]] = {"pending": Counter(), "firing": Counter()}
        while not self.over.wait(1.0):
            answer = requests.get(self.watched.at("prometheus") + "/api/v1/alerts", timeout=30).json()
            for alert in answer["data"]["alerts"]:
                what = ", ".join(f"{name}={value}" for name, value in sorted(alert["labels"].items()))
                if not seen[alert["state"]][what]:
                    say(f"{alert['state']}: {what}")
                seen[alert["state"]][what] += 1
            self.found.pending, self.found.firing = dict(seen["pending"]), dict(seen["firing"])
            if self.watched.ended:
                self.found.exporter_ended = True
                return
            memory = self.watched.memory
            self.found.memory_first = self.found.memory_first or memory
            self.found.memory_last, self.found.memory_most = memory, max(memory, self.found.memory_most)
            self.found.cpu_seconds = round(self.watched.cpu - cpu, 2)

    def clients(self) -> None:
        session = requests.Session()
        bodies = [
            ("/api/generate", {"model": CHAT, "prompt": "Hello", "stream": False, "options": {"num_predict": 8}}),
            ("/api/embed", {"model": EMBEDDING, "input": "Hello"}),
        ]
        while not self.over.wait(1 / RATE):
            path, body = bodies[self.found.requests % len(bodies)]
            self.found.requests += 1
            try:
                session.post(self.watched.gateway + path, json=body, timeout=60).raise_for_status()
            except requests.RequestException as error:
                self.found.failed_requests.append(f"{path}: {error}")
                say(f"{path}: {error}")

    def flicker(self) -> None:
        """Now and then a list lacks a model that is there, as behind a pull that rewrites a manifest in place."""
        while not self.over.wait(1 / FLICKER):
            try:
                missing = {"model": random.choice(MODELS), "count": 1}
                self.watched.fault(random.choice(self.watched.names), missing_on_list=missing)
                self.found.flickers += 1
            except requests.RequestException:
                # The rolling restart has it just now.
                continue

    def _run(self, playbook: str, **more: Any) -> None:
        done = self.watched.run(playbook, **more)
        with self._lock:
            self.found.playbooks[playbook] = self.found.playbooks.get(playbook, 0) + 1
        if done.rc:
            self._failed(f"{playbook} {more}: {done.output[-3000:]}")

    def playbooks(self) -> None:
        """What takes the store's lease, one after the other."""
        while not self.over.wait(1.0):
            self._run("update_models")
            self._run("scrub", scrub_part="1/2")

    def verify(self) -> None:
        while not self.over.wait(1.0):
            level = "deep" if self.found.playbooks.get("verify", 0) % 2 else "fast"
            with self._verifying:
                self._run("verify", corral_verify_level=level)

    def roll(self) -> None:
        if not self.over.wait(self.minutes * 20):
            with self._verifying:
                self._run("rolling_restart", corral_force=True)

    def kill(self) -> None:
        """One instance at a time crashes, or is stopped for a while; what was down comes back."""
        client = docker.from_env()
        while not self.over.wait(random.uniform(1, 5)):
            name = random.choice(self.watched.names)
            container = client.containers.get(f"{self.watched.project}-{name}")
            self.found.outages += 1
            if random.random() < 0.5:
                try:
                    self.watched.fault(name, crash={"when": "now"})
                except requests.RequestException:
                    continue
            else:
                container.kill()
                self.over.wait(random.uniform(0, 10))
                container.start()

    def _ask_prometheus(self, seconds: float) -> None:
        over = f'{{job="corral-exporter"}}[{int(seconds)}s]'

        def value(expression: str) -> float:
            found = self.watched.query(expression)
            return float(found[0]["value"][1]) if found else 0.0

        self.found.scrapes = int(value(f"count_over_time(up{over})"))
        self.found.failed_scrapes = int(self.found.scrapes - value(f"sum_over_time(up{over})"))
        self.found.scrape_seconds = round(value(f"avg_over_time(scrape_duration_seconds{over})"), 4)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--dying", action="store_true", help="instances die and come back; scraped every second")
    parser.add_argument("--out", type=Path, default=Path("soak.json"))
    options = parser.parse_args()
    # Whoever ends it has it clean up.
    signal.signal(signal.SIGTERM, lambda *_unused: sys.exit(143))
    rules = {"monitoring_scrape_seconds": 1, "monitoring_evaluation_seconds": 5} if options.dying else {}
    times = {"cache": 1.0, "probe": 30.0} if options.dying else {}
    project, port = DYING if options.dying else HEALTHY
    with tempfile.TemporaryDirectory(prefix="corral-soak-") as folder:
        wish = Watched(Path(folder), project, port, MODELS, options.instances, times=times, rules=rules)
        with watching(wish) as watched:
            found = Soak(watched, options.minutes, options.dying).go()
            told = json.dumps({"dying": options.dying, **asdict(found)}, indent=2)
            options.out.write_text(told + "\n", encoding="utf-8")
            print(table(found, options.dying), flush=True)
    bad = found.exporter_ended or found.failed_scrapes if options.dying else found.false_alarms or found.exporter_ended
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
