# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router of the scenario before_after, and what its clients, its own log and the servers' logs say of it."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lab import Lab, Run, wait_until

PORT = 11000
ROUTER = "router"
IMAGE = "corral-practice/ollama:0.32.15-practice"
#: Requests of the clients, as many of each of the three kinds.
ASKED = 150
LLAMA, LLAVA, NOMIC = MODELS = ("llama3.2:3b", "llava:7b", "nomic-embed-text:v1.5")
OLD = [f"old-ollama-{number}" for number in range(1, 9)]
#: In the words of the router's log; and what the router calls the same in its own figures.
PATTERNS = [{"name": "not_found", "pattern": "status=404"}, {"name": "timeout", "pattern": "Generation timeout"}]
SAID = {"not_found": "not_found", "timeouts": "timeout"}
CONSUMERS = [{"container": ROUTER, "patterns": PATTERNS}]
#: How a server's log has what a client did not get. A client that leaves is 499 while it waits for its turn, else 500.
NOT_FOUND, LEFT = ("http_404",), ("http_499", "http_500")


def route(lab: Lab, upstreams: Iterable[str]) -> None:
    """The router made anew in front of these; its log and its counts begin again."""
    wish = json.dumps({"port": PORT, "upstreams": list(upstreams)})
    lab.sh(f"docker rm -f {ROUTER} 2>/dev/null", check=False)
    run = [
        "run",
        "-d",
        "--name",
        ROUTER,
        "--network=host",
        "-v",
        "/srv/router.py:/router.py:ro",
        "--entrypoint=python3",
    ]
    lab.docker(*run, IMAGE, "-u", "/router.py", wish)
    wait_until(lambda: _listens(lab), 30, "the router listens")


def _listens(lab: Lab) -> bool:
    try:
        return ask(lab, "/stats")[0] == 200
    except OSError:
        return False


def ask(lab: Lab, path: str, body: Any = None) -> tuple[int, bytes]:
    client = http.client.HTTPConnection(lab.address, PORT, timeout=60)
    try:
        client.request("POST" if body else "GET", path, json.dumps(body) if body else None)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def stats(lab: Lab) -> dict[str, Any]:
    return dict(json.loads(ask(lab, "/stats")[1]))


def traffic(lab: Lab, at_once: int = 6) -> Counter[int]:
    """What clients see: how many answers of each status."""
    short = {"stream": False, "options": {"num_predict": 4}}
    kinds = [
        ("/api/generate", {"model": LLAMA, "prompt": "Hello", **short}),
        ("/api/chat", {"model": LLAVA, "messages": [{"role": "user", "content": "Hello"}], **short}),
        ("/api/embed", {"model": NOMIC, "input": "Hello"}),
    ]
    with ThreadPoolExecutor(at_once) as pool:
        return Counter(pool.map(lambda kind: ask(lab, *kind)[0], kinds * (ASKED // len(kinds))))


def load_test(lab: Lab) -> tuple[Run, dict[str, Any]]:
    """The playbook, at the router as its clients are; the run and its report."""
    url = f"http://127.0.0.1:{PORT}"
    short = {"load_test_duration": 10, "load_test_rate": 6, "load_test_timeout": 60}
    run = lab.run("load_test", load_test_target="url", load_test_url=url, corral_log_consumers=CONSUMERS, **short)
    return run, dict(json.loads((lab.ephemeral / "artifacts" / "load.json").read_text()))


@dataclass(frozen=True)
class Logged:
    """What log_check counted: by container, by class."""

    ok: bool
    problems: list[str]
    counts: Mapping[str, Mapping[str, int]]

    def of(self, *classes: str, container: str = "") -> int:
        rows = self.counts.items()
        return sum(row.get(one, 0) for name, row in rows if container in ("", name) for one in classes)

    def with_any(self, *classes: str) -> list[str]:
        return sorted(name for name in self.counts if self.of(*classes, container=name))


def logged(lab: Lab, containers: Iterable[str] = (), since: str = "start", **more: Any) -> Logged:
    found = lab.module(
        "log_check", containers=list(containers), consumers=CONSUMERS, since=since, on_failure="report", **more
    )
    assert "containers" in found, found
    rows = {
        row["service"] or row["container"]: {name: one["count"] for name, one in row["classes"].items() if one["count"]}
        for row in found["containers"]
    }
    return Logged(found["ok"], found["problems"], rows)
