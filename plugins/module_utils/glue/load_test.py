# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``load_test``: a schedule, a generator in a container that follows it, and what its lines come to."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from ..core.answers import endpoint_of
from ..core.errors import CorralError
from ..core.load_schedule import arrivals, choices
from ..core.load_stats import Tally
from ..core.load_wish import Entry, Wish, wish_from
from ..core.log_since import at
from ..core.plans import Plan, Step
from ..core.progress import Progress
from ..engine.client import connect
from ..engine.load_generator import PLAN, Wanted, last_words, remove, start, state, sweep
from ..server.client import OllamaClient
from ..server.errors import ServerError
from .load_files import FILES, LoadFolder
from .progress_file import ProgressFile
from .run import Work

_POLL, _SPEAK = 0.5, 10.0
_START, _END = 60.0, 20.0
"""Seconds that the container gets to begin, and to end once its work is done."""
_ASK = 30.0
LATE = 0.1
"""Seconds of waiting for a free user from which on it counts."""


def prepare_load_test(params: Mapping[str, Any]) -> Work:
    """Nothing is sent before ``apply``. What a test loads the servers unload by themselves: it changes nothing."""
    wish = wish_from(params)
    missing = [name for name in FILES if name not in params["generator"]]
    if missing:
        raise CorralError(
            "load_test was sent to a host without the generator's files, which its action plugin adds.",
            kind="no_action_plugin",
            remedy="Call it by its full name, corral.ollama.load_test.",
        )
    api = connect(params["engine_timeout"])
    where = ", ".join(target.url for target in wish.targets)
    step = Step("send", where, f"about {wish.requests} requests in {wish.duration:g} s, {wish.concurrency} at a time")
    known = {"planned": wish.as_dict(), "load": {}, "changed": False}
    return Work(Plan((step,)), known, lambda: LoadTest(api, params, wish).run())


class LoadTest:
    """One test on one host."""

    def __init__(self, api: Any, params: Mapping[str, Any], wish: Wish) -> None:
        self._api, self._params, self._wish = api, params, wish
        self._folder = LoadFolder(params["path"])
        self._progress = ProgressFile(params["progress_path"])
        self._spoken = float("-inf")

    def run(self) -> dict[str, Any]:
        swept = sweep(self._api, self._params["project"])
        warnings = [f"An earlier load test was still there and was ended: {name}." for name in swept]
        wish = replace(self._wish, mix=tuple(self._known_kind(entry) for entry in self._wish.mix))
        planned = self._write(wish)
        container = ""
        try:
            container = start(self._api, self._wanted(wish))
            told = self._follow(container, wish)
        finally:
            if container:
                remove(self._api, container)
            self._folder.forget()
        load, notes = self._result(wish, planned, told)
        return {"planned": wish.as_dict(), "load": load, "warnings": [*warnings, *notes]}

    def _known_kind(self, entry: Entry) -> Entry:
        """By what a server says of the model. Where none knows it, the test shows that: it is asked to generate."""
        if entry.kind != "auto":
            return entry
        for target in self._wish.targets:
            client = OllamaClient(target.url, _ASK, self._params["key"] or "", self._params["ca_path"] or "")
            try:
                return replace(entry, kind=endpoint_of({}, client.show(entry.model))[0])
            except ServerError:
                continue
        return replace(entry, kind="generate")

    def _write(self, wish: Wish) -> int:
        """Everything that the generator reads; how many requests there will be."""
        count = [0]
        plan = {
            **wish.as_dict(),
            "hard_limit": wish.hard_limit,
            "key": self._params["key"] or "",
            "seed": self._params["seed"],
            "options": {"seed": self._params["seed"]},
        }
        self._folder.make(self._params["generator"], plan, self._schedule(wish, count), self._params["ca_path"] or "")
        return count[0]

    def _schedule(self, wish: Wish, count: list[int]) -> Iterator[str]:
        """A line per request: when, what, to whom. Instances take turns."""
        draw = random.Random(self._params["seed"]).random
        what = choices([entry.weight for entry in wish.mix], draw)
        when = arrivals(wish.duration, wish.rate, wish.ramp, wish.arrivals, draw)
        for number, (moment, entry) in enumerate(zip(when, what)):
            count[0] = number + 1
            yield f"{moment:.6f} {entry} {number % len(wish.targets)}\n"

    def _wanted(self, wish: Wish) -> Wanted:
        users = str(wish.concurrency)
        command = ["-f", f"{PLAN}/locustfile.py", "--headless", "--only-summary", "--users", users]
        command += ["--spawn-rate", users, "--run-time", f"{int(wish.hard_limit)}s", "--stop-timeout", "0"]
        command += ["--exit-code-on-error", "0", "--loglevel", "WARNING"]
        folder, params = self._folder, self._params
        return Wanted(params["project"], params["image"], folder.plan, folder.results, wish.memory_mb, tuple(command))

    def _follow(self, container: str, wish: Wish) -> dict[str, Any]:
        """Until it ends; what it says at last. It ends by itself, so more than its own limit is never waited for."""
        until = time.monotonic() + wish.hard_limit + _START
        told: dict[str, Any] = {}
        ended = float("inf")
        while True:
            now, seen = time.monotonic(), state(self._api, container)
            told = self._folder.progress() or told
            self._tell(told, wish, now)
            ended = min(ended, now + _END) if told.get("finished") else ended
            if not seen.running or now > min(until, ended):
                break
            time.sleep(_POLL)
        if not told.get("finished"):
            raise self._lost(container, seen.exit_code, seen.oom_killed, seen.running)
        return told

    def _tell(self, told: Mapping[str, Any], wish: Wish, now: float) -> None:
        """Not at every change: each new phase is a line on the screen."""
        if now - self._spoken < _SPEAK and not told.get("finished"):
            return
        self._spoken = now
        done, failed, sent = (int(told.get(name) or 0) for name in ("done", "failed", "dispatched"))
        phase = f"{done} of about {wish.requests} answered, {failed} failed" if told else "starting"
        waiting = int(told.get("waiting") or 0)
        note = f"{sent - done - waiting} under way" + (f", {waiting} wait for a user" if waiting else "")
        self._progress.write(Progress("load test", phase=phase, note=note if told else "", at=now))

    def _lost(self, container: str, code: int, oom: bool, running: bool) -> CorralError:
        words = last_words(self._api, container)
        why = "does not end" if running else f"ended with status {code}" + (", for want of memory" if oom else "")
        return CorralError(
            f"The load generator {why}, without a result. {words[-1500:]}".rstrip(),
            kind="load_generator_failed",
            remedy="Give it more memory (load_test_memory_mb), or a smaller test." if oom else "",
            exit_code=code,
            oom_killed=oom,
        )

    def _result(self, wish: Wish, planned: int, told: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        tally = Tally([asdict(one) for one in wish.mix], [one.name for one in wish.targets], wish.duration, LATE)
        unread = sum(not tally.take(record) for record in self._folder.records())
        found = tally.result()
        known = {
            "planned": planned,
            "started_at": at(float(told["started_at"])),
            "seconds": round(float(told["seconds"]), 3),
            "aborted": str(told.get("aborted") or "")[:300],
            "unanswered": max(0, int(told["dispatched"]) - found["requests"]),
            "most_waiting": int(told["most_waiting"]),
            "late": int(told["late"]),
            "lag": round(float(told["lag"]), 4),
            "results_path": self._folder.requests,
            "settings": {name: value for name, value in wish.as_dict().items() if name != "requests"},
        }
        notes = [f"{unread} lines of the results could not be read."] if unread else []
        if known["late"]:
            notes.append(
                f"The generator itself was late for {known['late']} requests, by {known['lag']:g} s at most:"
                " this host is busy, so latencies are too high."
            )
        return {**known, **found}, notes
