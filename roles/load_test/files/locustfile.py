# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load test as locust runs it: arrivals follow the schedule in schedule.txt, whatever the answers do.

A dispatcher hands each arrival over at its moment; whichever of the users is free takes it. With none free it waits,
and its latency runs from its moment all the same. load_client.py, plan.json and schedule.txt are beside this file;
results go to OUT: a line per request, and once a second how far it is.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Optional

import gevent
import gevent.queue
import load_outcome as outcome
from gevent import monkey
from load_client import HERE, PLAN, Arrival, Client
from locust import User, events, task

OUT = Path(os.environ.get("CORRAL_LOAD_OUT", "/corral/out"))
LATE = 0.1
"""Seconds by which the generator may be late itself before it says so."""
GRACE = 30.0
"""Seconds that locust gets to end by itself after its run time."""


class Run:
    """The dispatcher, the users' queue and the books."""

    def __init__(self, environment: Any) -> None:
        self.environment = environment
        self.queue: gevent.queue.Queue[Arrival] = gevent.queue.Queue()
        self.began = self.started_at = self.lag = 0.0
        self.late = self.dispatched = self.done = self.failed = self.under_way = self.most_waiting = 0
        self.why = ""
        self.finished = False
        self.lines = (OUT / "requests.jsonl").open("w", encoding="utf-8")

    def begin(self) -> None:
        self.began, self.started_at = time.monotonic(), time.time()
        gevent.spawn(self._dispatch)
        gevent.spawn(self._tell)

    def serve(self, client: Client, arrival: Arrival) -> None:
        waited = time.monotonic() - self.began - arrival.at
        self.under_way += 1
        try:
            if PLAN["timeout"] and waited > PLAN["timeout"]:
                found: dict[str, Any] = {"class": outcome.NOT_SENT, "status": 0, "took": 0.0}
            else:
                found = client.ask(arrival)
        finally:
            self.under_way -= 1
        self._note(arrival, waited, found)

    def _note(self, arrival: Arrival, waited: float, found: dict[str, Any]) -> None:
        known = {"n": arrival.number, "at": arrival.at, "mix": arrival.mix, "target": arrival.target, "wait": waited}
        line = {**known, **{key: value for key, value in found.items() if value not in ("", None)}}
        self.lines.write(json.dumps({k: round(v, 6) if isinstance(v, float) else v for k, v in line.items()}) + "\n")
        good = found["class"] == outcome.OK
        self.done += 1
        self.failed += not good
        self.environment.events.request.fire(
            request_type=arrival.entry["kind"],
            name=arrival.entry["model"],
            response_time=found["took"] * 1000,
            response_length=0,
            exception=None if good else RuntimeError(found["class"]),
            context={},
        )
        if self.done >= PLAN["abort_min_requests"] and self.failed > PLAN["abort_error_ratio"] * self.done:
            self._end(f"{self.failed} of the first {self.done} requests failed")

    def _dispatch(self) -> None:
        with (HERE / "schedule.txt").open(encoding="ascii") as schedule:
            for place, line in enumerate(schedule):
                arrival = Arrival(place, line)
                gevent.sleep(max(0.0, self.began + arrival.at - time.monotonic()))
                if self.finished:
                    return
                behind = time.monotonic() - self.began - arrival.at
                self.lag, self.late = max(self.lag, behind), self.late + (behind > LATE)
                self.dispatched += 1
                self.queue.put(arrival)
                self.most_waiting = max(self.most_waiting, self.queue.qsize())
        while self.done < self.dispatched and not self.finished:
            gevent.sleep(0.05)
        self._end("")

    def _end(self, why: str) -> None:
        if not self.finished:
            self.finished, self.why = True, why
            self.write()
            gevent.spawn(self.environment.runner.quit)

    def _tell(self) -> None:
        while not self.finished:
            self.write()
            gevent.sleep(1.0)

    def write(self) -> None:
        """Whole or not at all: somebody else reads it meanwhile."""
        self.lines.flush()
        known = {
            "started_at": self.started_at,
            "seconds": time.monotonic() - self.began if self.began else 0.0,
            "finished": self.finished,
            "aborted": self.why,
            "dispatched": self.dispatched,
            "done": self.done,
            "failed": self.failed,
            "under_way": self.under_way,
            "waiting": self.queue.qsize(),
            "most_waiting": self.most_waiting,
            "lag": self.lag,
            "late": self.late,
        }
        (OUT / "progress.json.new").write_text(json.dumps(known), encoding="ascii")
        (OUT / "progress.json.new").replace(OUT / "progress.json")


RUN: Optional[Run] = None


class Consumer(User):
    """One of a bounded number: it takes the next arrival, and has one request under way at most."""

    def on_start(self) -> None:
        self.connection = Client()

    @task
    def take(self) -> None:
        if RUN is not None:
            RUN.serve(self.connection, RUN.queue.get())


def give_up(seconds: float) -> None:
    monkey.get_original("time", "sleep")(seconds)
    os._exit(3)


@events.test_start.add_listener
def start(environment: Any, **_more: Any) -> None:
    global RUN
    # Whatever happens to whoever started this: it ends by itself. A thread of the system's own, as a loop of greenlets
    # that hangs would stop any other, and the first process of a container gets no signal that it has no handler for.
    monkey.get_original("_thread", "start_new_thread")(give_up, (float(PLAN["hard_limit"]) + GRACE,))
    RUN = Run(environment)


@events.spawning_complete.add_listener
def ready(user_count: int, **_more: Any) -> None:
    """Not before every user is there: the first arrivals would wait for what is no part of the test."""
    if RUN is not None and not RUN.began and user_count >= PLAN["concurrency"]:
        RUN.begin()


@events.test_stop.add_listener
def stop(**_more: Any) -> None:
    if RUN is not None:
        if not RUN.finished:
            RUN.finished, RUN.why = True, "the generator was stopped before the end"
            RUN.write()
        RUN.lines.close()
