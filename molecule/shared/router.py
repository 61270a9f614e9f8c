# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router in front of several Ollama servers, of the kind that hides what is wrong behind it.

It takes the servers in turn, gives each `timeout` seconds, goes on to the next one when one fails, and after `attempts`
of them it answers out of its own pocket. So its clients see nothing but 200. What really happened is in its log, in the
words of the router of which this is a picture: `status=404` and `Generation timeout`. `GET /stats` is what such
programs show on their dashboards. Runs in a container: router.py '{"port": …, "upstreams": ["http://…", …]}'. No other
imports than the standard library's.
"""

from __future__ import annotations

import http.client
import itertools
import json
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

JSON = "application/json"
SORRY = "I have nothing to say to that right now."
#: Of an embedding that nobody made.
LENGTH = 64


@dataclass(frozen=True)
class Settings:
    upstreams: tuple[str, ...]
    host: str = "0.0.0.0"
    port: int = 11000
    timeout: float = 2.0
    attempts: int = 3
    key: str = ""


class Failed(Exception):
    """What the log says of an attempt."""


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes


class Router:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._turns = itertools.count()
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def count(self, *names: str) -> None:
        with self._lock:
            self._counts.update(names)

    def say(self, level: str, message: str, **facts: Any) -> None:
        pairs = "".join(f" {name}={json.dumps(fact) if ' ' in str(fact) else fact}" for name, fact in facts.items())
        with self._lock:
            print(f"level={level} msg={json.dumps(message)}{pairs}", flush=True)

    @property
    def stats(self) -> dict[str, Any]:
        """`success_ratio` is what a client sees: it counts neither retries nor fall-backs."""
        with self._lock:
            names = ("requests", "succeeded", "failed", "retried", "not_found", "timeouts", "fallbacks")
            counts: dict[str, Any] = {name: self._counts[name] for name in names}
        return {**counts, "success_ratio": counts["succeeded"] / counts["requests"] if counts["requests"] else 1.0}

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        self.count("requests")
        model = model_of(body)
        first = next(self._turns)
        for attempt in range(self.settings.attempts):
            upstream = self.settings.upstreams[(first + attempt) % len(self.settings.upstreams)]
            try:
                answer = self.ask(upstream, method, path, body)
            except Failed as why:
                self.count("retried")
                self.say("WARN", str(why), upstream=upstream, model=model, attempt=attempt + 1)
                continue
            # What the client has done wrong no other server would forgive.
            self.count("failed" if answer.status >= 400 else "succeeded")
            return answer
        return self.fall_back(method, path, body, model)

    def ask(self, upstream: str, method: str, path: str, body: bytes) -> Answer:
        where = urlsplit(upstream)
        client = http.client.HTTPConnection(where.hostname or "", where.port, timeout=self.settings.timeout)
        headers = {
            "Content-Type": JSON,
            **({"Authorization": f"Bearer {self.settings.key}"} if self.settings.key else {}),
        }
        try:
            client.request(method, path, body or None, headers)
            answer = client.getresponse()
            found = Answer(answer.status, answer.getheader("Content-Type", JSON), answer.read())
        except TimeoutError:
            self.count("timeouts")
            raise Failed(f"Generation timeout after {self.settings.timeout:g}s") from None
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"upstream failed: {type(error).__name__}") from None
        finally:
            client.close()
        if found.status == 404 or found.status >= 500:
            self.count(*(["not_found"] if found.status == 404 else []))
            raise Failed(f"upstream failed status={found.status}")
        return found

    def fall_back(self, method: str, path: str, body: bytes, model: str) -> Answer:
        """Something that looks like an answer: 200, and nobody is told."""
        made = canned(path, model, wants_stream(body))
        self.count("fallbacks" if made else "failed", *(["succeeded"] if made else []))
        self.say("WARN", "fallback answer" if made else "no upstream left", model=model, path=path)
        return made or Answer(502, JSON, b'{"error": "no upstream left"}')


def parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def model_of(body: bytes) -> str:
    """Printable, and short: it goes into the log."""
    return "".join(one if one.isprintable() and one != " " else "?" for one in str(parsed(body).get("model", "")))[:200]


def wants_stream(body: bytes) -> bool:
    return bool(parsed(body).get("stream", True))


def canned(path: str, model: str, stream: bool) -> Answer | None:
    """In the shape of the route; None for a route that has none."""
    ending = {"model": model, "done": True, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 1}
    if path == "/api/generate":
        frame: dict[str, Any] = {**ending, "response": SORRY}
    elif path == "/api/chat":
        frame = {**ending, "message": {"role": "assistant", "content": SORRY}}
    elif path == "/api/embed":
        frame, stream = {"model": model, "embeddings": [[1.0 / LENGTH] * LENGTH], "prompt_eval_count": 1}, False
    else:
        return None
    return Answer(200, "application/x-ndjson" if stream else JSON, json.dumps(frame).encode() + b"\n")


class Handler(BaseHTTPRequestHandler):
    router: Router
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/stats":
            self.send(Answer(200, JSON, json.dumps(self.router.stats).encode()))
        else:
            self.send(self.router.answer("GET", self.path, b""))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send(self.router.answer("POST", self.path, body))

    def send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_words: object) -> None:
        """Its clients' requests are not in its log: only what went wrong is."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def serve(settings: Settings) -> Server:
    """Listens; `serve_forever` answers."""
    handler = type("Routed", (Handler,), {"router": Router(settings)})
    return Server((settings.host, settings.port), handler)


def main() -> None:
    wish = json.loads(sys.argv[1])
    settings = Settings(**{**wish, "upstreams": tuple(wish["upstreams"])})
    with serve(settings) as server:
        print(f'level=INFO msg="routing" upstreams={len(settings.upstreams)} port={settings.port}', flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
