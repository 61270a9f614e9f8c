# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process of the load: started by `load.Load`, told what to do by a line of JSON on its standard input, and ended
by the end of that input, so that it does not outlive who started it. Each failure is a line of JSON on its output when
it happens, and so are the counts once a second and at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import openai
import requests
from load_answers import Asked, Incomplete, Status
from load_clients import Aio, Ollama, OpenAI, Requests, Target

LONG_KINDS = ("generate_stream", "v1_chat_stream", "generate", "chat_stream")
COUNTED = ("kind", "client", "instance")
TIMEOUTS = (TimeoutError, requests.Timeout, httpx.TimeoutException, openai.APITimeoutError)
THREADS: tuple[Callable[[Target], Any], ...] = (Ollama, Requests, OpenAI, Ollama, Requests)


def how(asked: Asked, error: BaseException) -> str:
    """The sort of failure: `cut` is within an answer, `dropped` before it."""
    if isinstance(error, TIMEOUTS):
        return "timeout"
    if isinstance(error, (Status, Incomplete)):
        return type(error).__name__.lower()
    return "cut" if asked.status else "dropped"


@dataclass
class Tally:
    """What became of the requests. Everything that is asked is counted once, when it has ended."""

    began: float = field(default_factory=time.time)
    counts: dict[str, Counter[str]] = field(default_factory=lambda: {what: Counter() for what in COUNTED})
    seconds: dict[str, list[float]] = field(default_factory=dict)
    long: list[float] = field(default_factory=list)
    failed: int = 0
    abandoned: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextlib.contextmanager
    def one(self, client: str, asked: Asked, long: bool = False) -> Iterator[None]:
        began, kind = time.time(), ("long_" if long else "") + asked.kind
        failure: dict[str, Any] = {}
        try:
            yield
        except asyncio.CancelledError:
            # A long one that runs when the load is stopped says nothing about the fleet.
            self.abandoned += 1
            raise
        except Exception as error:
            failure = {"how": how(asked, error), "error": f"{type(error).__name__}: {error}"[:600]}
        with self.lock:
            for what, name in zip(COUNTED, (kind, client, asked.instance), strict=True):
                self.counts[what][name] += 1
            self.seconds.setdefault(kind, []).append(time.time() - began)
            if long and not failure:
                self.long.append(time.time() - began)
            self.failed += bool(failure)
        if failure:
            facts = {"kind": kind, "client": client, "model": asked.model, "instance": asked.instance}
            say("failure", began=began, ended=time.time(), status=asked.status, **facts, **failure)

    def say(self, event: str) -> None:
        with self.lock:
            waits = {kind: quantiles(seconds) for kind, seconds in self.seconds.items()}
            counts = {f"by_{what}": dict(counter) for what, counter in self.counts.items()}
            total, seconds = sum(self.counts["kind"].values()), time.time() - self.began
        facts = {"total": total, "seconds": seconds, "long": self.long, "abandoned": self.abandoned}
        say(event, failures=self.failed, waits=waits, **counts, **facts)


def quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "p50": round(ordered[len(ordered) // 2], 4),
        "p99": round(ordered[len(ordered) * 99 // 100], 4),
        "max": round(ordered[-1], 4),
    }


_SAYING = threading.Lock()


def say(event: str, **facts: Any) -> None:
    with _SAYING:
        print(json.dumps({"event": event, **facts}), flush=True)


class Run:
    def __init__(self, wish: dict[str, Any]) -> None:
        self.wish, self.tally = wish, Tally()
        self.target = Target(wish["base_url"], wish["key"], wish["ca"], wish["timeout"])
        self.models: dict[str, str] = wish["models"]
        self.interval = wish["clients"] / wish["rate"]
        self.ended = threading.Event()

    def questions(self, kinds: tuple[str, ...], seed: int, tokens: int) -> Iterator[Asked]:
        """For ever, in an order that each client has for itself."""
        dice = random.Random(seed)
        for number in itertools.count(seed):
            kind = dice.choice(kinds)
            fits = [name for name, sort in self.models.items() if sort == ("embed" if "embed" in kind else "chat")]
            model = fits[number % len(fits)] if fits else ""
            yield Asked(kind, "" if kind in ("tags", "v1_models") else model, tuple(self.models), tokens)

    def pauses(self, seed: int) -> Iterator[float]:
        """How long to wait before each request, so that all clients together keep to the rate."""
        due = time.monotonic() + self.interval * random.Random(seed).random()
        while True:
            now = time.monotonic()
            yield max(0.0, due - now)
            due = max(due, now - 1.0) + self.interval

    async def aio(self, seed: int) -> None:
        async with Aio.of(self.target) as client:
            questions, pauses = self.questions(client.kinds, seed, self.wish["tokens"]), self.pauses(seed)
            while not self.ended.is_set():
                await asyncio.sleep(next(pauses))
                asked = next(questions)
                with self.tally.one("aiohttp", asked):
                    await client.ask(asked)

    def thread(self, make: Callable[[Target], Any], seed: int) -> None:
        client = make(self.target)
        questions, pauses = self.questions(client.kinds, seed, self.wish["tokens"]), self.pauses(seed)
        while not self.ended.wait(next(pauses)):
            asked = next(questions)
            with self.tally.one(type(client).__name__.lower(), asked):
                client.ask(asked)

    async def long(self, seed: int) -> None:
        async with Aio.of(self.target) as client:
            for number in itertools.count(seed):
                kind = LONG_KINDS[number % len(LONG_KINDS)]
                asked = next(self.questions((kind,), number, self.wish["long_tokens"]))
                with self.tally.one("aiohttp", asked, long=True):
                    await client.ask(asked)
                await asyncio.sleep(self.wish["long_pause"])

    async def everything(self) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(16))
        count = self.wish["clients"]
        slow = min(len(THREADS), count // 3)
        workers = [asyncio.to_thread(self.thread, THREADS[number], 1000 + number) for number in range(slow)]
        workers += [self.aio(number) for number in range(count - slow)]
        tasks = [asyncio.create_task(each) for each in workers]
        long = [asyncio.create_task(self.long(number)) for number in range(self.wish["long_streams"])]
        end = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not end.done():
            broken = [task for task in (*tasks, *long) if task.done()]
            if broken:
                self.ended.set()
                await broken[0]
            await asyncio.wait([end], timeout=1)
            self.tally.say("counts")
        self.ended.set()
        for task in long:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.gather(*long, return_exceptions=True)
        self.tally.say("end")


if __name__ == "__main__":
    asyncio.run(Run(json.loads(sys.stdin.readline())).everything())
