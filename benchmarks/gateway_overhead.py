#!/usr/bin/env python
"""The gateway with keys and allow-list on, against an instance asked directly, interleaved in one run.

Deploys the practice fleet with its gateway under a project of its own (ports from 29434). One request directly and
one through the gateway take turns on two connections that stay open, so that what else the machine does meets both.
Then the first token of streams in the same way, and requests per second of clients that never pause, in turns of some
seconds; the load generator shares the processors with both.
Usage: gateway_overhead.py [--requests 2000] [--streams 100] [--seconds 5]
"""

from __future__ import annotations

import argparse
import http.client
import json
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable

from scene import playbook

PROJECT = "corralgate"
PORT = 29434
KEY = secrets.token_hex(32)
MODEL, EMBEDS = "llama3.2:3b", "nomic-embed-text:v1.5"
CLIENTS = 8
ROUTES = {
    "GET /api/version": ("GET", "/api/version", None),
    "POST /api/embed": ("POST", "/api/embed", {"model": EMBEDS, "input": "a fleet"}),
    "POST /api/generate, 20 tokens": (
        "POST",
        "/api/generate",
        {"model": MODEL, "prompt": "Hello", "stream": False, "options": {"num_predict": 20, "seed": 1}},
    ),
}


class Client:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}

    def begin(self, method: str, path: str, body: object) -> http.client.HTTPResponse:
        self.connection.request(method, path, None if body is None else json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        if answer.status != 200:
            sys.exit(f"{method} {path} on port {self.connection.port}: {answer.status} {answer.read()[:300]!r}")
        return answer

    def whole(self, method: str, path: str, body: object) -> float:
        """Milliseconds until the answer is complete."""
        begun = time.perf_counter()
        self.begin(method, path, body).read()
        return (time.perf_counter() - begun) * 1000

    def first(self) -> float:
        """Milliseconds until the first token of a stream; the rest is read as well."""
        body = {"model": MODEL, "prompt": "Hello", "options": {"num_predict": 10, "seed": 1}}
        begun = time.perf_counter()
        answer = self.begin("POST", "/api/generate", body)
        answer.readline()
        taken = (time.perf_counter() - begun) * 1000
        answer.read()
        return taken


def p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def in_turns(count: int, ask: Callable[[Client], float]) -> tuple[list[float], list[float]]:
    """(direct, through the gateway); who begins changes each time."""
    clients = (Client(PORT), Client(PORT - 1))
    taken: tuple[list[float], list[float]] = ([], [])
    for which in (0, 1) * 20:  # connections and models are warm, and the gateway knows all its instances
        ask(clients[which])
    for turn in range(count):
        for which in (0, 1) if turn % 2 else (1, 0):
            taken[which].append(ask(clients[which]))
    return taken


def compare(what: str, direct: list[float], through: list[float]) -> float:
    """What the gateway adds at the median, in milliseconds."""
    one, other = statistics.median(direct), statistics.median(through)
    print(
        f"{what}: direct {one:.2f} ms, p99 {p99(direct):.2f}; gateway {other:.2f} ms, p99 {p99(through):.2f}; "
        f"added at the median {other - one:.2f} ms",
        flush=True,
    )
    return other - one


def per_second(port: int, seconds: float) -> float:
    """Answers to GET /api/version per second."""
    counts, until = [0] * CLIENTS, time.monotonic() + seconds

    def work(number: int) -> None:
        client = Client(port)
        while time.monotonic() < until:
            client.whole("GET", "/api/version", None)
            counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - begun)


def measure(options: argparse.Namespace) -> bool:
    added = []
    for name, question in ROUTES.items():
        count = options.requests if "version" in name else options.requests // 5
        direct, through = in_turns(count, lambda client, question=question: client.whole(*question))
        added.append(compare(f"{name} ({count} each)", direct, through))
    direct, through = in_turns(options.streams, Client.first)
    later = compare(f"first token of a stream ({options.streams} each)", direct, through)
    rates: tuple[list[float], list[float]] = ([], [])
    for _turn in range(3):
        for which, port in enumerate((PORT, PORT - 1)):
            rates[which].append(per_second(port, options.seconds))
    one, all_of_them = (statistics.median(rate) for rate in rates)
    print(
        f"GET /api/version, {CLIENTS} clients: one instance directly {one:.0f}/s, "
        f"{options.instances} through the gateway {all_of_them:.0f}/s"
    )
    print(f"added at the median {max(added):.2f} ms at most (goal 0.5), first token {later:.2f} ms later (goal 5)")
    return max(added) <= 0.5 and later <= 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--instances", type=int, default=8)
    options = parser.parse_args()
    own = {"corral_project": PROJECT, "corral_base_port": PORT, "corral_gateway_port": PORT - 1}
    own |= {"corral_instance_count": options.instances, "corral_models": [MODEL, EMBEDS]}
    fleet = json.dumps({**own, "corral_gateway_keys": [{"name": "bench", "key": KEY}]})
    try:
        playbook("site", fleet)
        good = measure(options)
    finally:
        playbook("teardown", fleet, "teardown_store=true")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
