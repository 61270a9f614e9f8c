# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mixed requests to all instances of a host, from one worker each, until the file STOP is there; then what became of
every one of them goes to OUT as JSON. Runs on the test host: `load.py OUT STOP PORT… -- MODEL=KIND…`.

There is no gateway in front of the instances yet, so the client does what one would do: where nobody listens, where the
connection ends before the answer or in the middle of it, it asks the next instance, and counts that. What an instance
answers is taken as it is: an error is a failure.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections import Counter

#: Bounds of the whole run, so that nothing goes on after a test that ended badly.
SECONDS, REQUESTS, KEPT = 400, 200_000, 2000
#: Seconds between two requests of one worker, and between two looks at all instances.
PAUSE, LOOK = 0.2, 0.1


class Interrupted(Exception):
    """The instance went away: ``refused``, ``dropped`` (before a byte of the answer) or ``cut`` (within it)."""


def post(port, path, body):
    """The whole answer, read to its end."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        try:
            connection.connect()
        except ConnectionError:
            raise Interrupted("refused") from None
        try:
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
        except (ConnectionError, http.client.RemoteDisconnected):
            raise Interrupted("dropped") from None
        try:
            return answer.status, answer.read()
        except (ConnectionError, http.client.IncompleteRead):
            raise Interrupted("cut") from None
    finally:
        connection.close()


def ask(port, model, kind):
    """Raises Interrupted, or ValueError for an answer that is none."""
    if kind == "embed":
        status, raw = post(port, "/api/embed", {"model": model, "input": "a fleet"})
        if status != 200 or not json.loads(raw).get("embeddings"):
            raise ValueError(f"{status} {raw[:200]!r}")
        return
    body = {"model": model, "prompt": "Say something.", "stream": kind == "stream", "options": {"num_predict": 8}}
    status, raw = post(port, "/api/generate", body)
    lines = [json.loads(line) for line in raw.splitlines() if line.strip()]
    if status != 200 or any("error" in line for line in lines):
        raise ValueError(f"{status} {raw[:200]!r}")
    if not lines or lines[-1].get("done") is not True:
        raise Interrupted("cut")


class Load:
    def __init__(self, ports, work):
        self.ports, self.work = ports, work
        self.lock, self.stop = threading.Lock(), threading.Event()
        self.asked, self.answered = Counter(), Counter()
        self.interrupted, self.failed, self.out = [], [], []
        self.rounds = 0

    def note(self, kept, **row):
        with self.lock:
            if len(kept) < KEPT:
                kept.append(row)

    def worker(self, first):
        number = first
        while not self.stop.is_set():
            model, kind = self.work[number % len(self.work)]
            number += 1
            with self.lock:
                self.asked[model] += 1
            self.one(first, model, kind)
            self.stop.wait(PAUSE)

    def one(self, first, model, kind):
        for step in range(len(self.ports)):
            port, began = self.ports[(first + step) % len(self.ports)], time.time()
            try:
                ask(port, model, kind)
            except Interrupted as how:
                self.note(self.interrupted, how=str(how), port=port, model=model, began=began, ended=time.time())
                continue
            except Exception as error:
                self.note(self.failed, port=port, model=model, kind=kind, began=began, error=str(error)[:300])
                return
            with self.lock:
                self.answered[model] += 1
            return
        self.note(self.failed, port=0, model=model, kind=kind, began=began, error="no instance answered")

    def sampler(self):
        """Which instances nobody can reach, at one moment."""
        while not self.stop.is_set():
            out = [port for port in self.ports if not reachable(port)]
            self.rounds += 1
            if out:
                self.note(self.out, at=time.time(), ports=out)
            self.stop.wait(LOOK)

    def result(self):
        with self.lock:
            return {
                "asked": dict(self.asked),
                "answered": dict(self.answered),
                "interrupted": self.interrupted,
                "failed": self.failed,
                "out": self.out,
                "rounds": self.rounds,
            }


def reachable(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/api/version")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main():
    out, stop, *rest = sys.argv[1:]
    middle = rest.index("--")
    work = [tuple(pair.rsplit("=", 1)) for pair in rest[middle + 1 :]]
    load = Load([int(port) for port in rest[:middle]], work)
    workers = [threading.Thread(target=load.worker, args=(number,)) for number in range(len(load.ports))]
    threads = [*workers, threading.Thread(target=load.sampler)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + SECONDS
    while not os.path.exists(stop) and time.monotonic() < until and sum(load.asked.values()) < REQUESTS:
        time.sleep(0.2)
        save(out, load)
    load.stop.set()
    for thread in threads:
        thread.join()
    save(out, load, ended=True)


def save(out, load, ended=False):
    with open(f"{out}.new", "w") as file:
        json.dump({**load.result(), "ended": ended}, file)
    os.replace(f"{out}.new", out)


if __name__ == "__main__":
    main()
