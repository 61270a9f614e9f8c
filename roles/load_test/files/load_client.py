# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request of the load test: asked once; what became of it. plan.json and load_outcome.py are beside this file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Optional

import gevent
import load_outcome as outcome
import requests

HERE = Path(__file__).resolve().parent
PLAN: dict[str, Any] = json.loads((HERE / "plan.json").read_text(encoding="utf-8"))
PATHS = {"generate": "/api/generate", "chat": "/api/chat", "embed": "/api/embed"}
WORDS = ("the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "while", "seven", "red", "kites", "watch")
LONGEST = 64 * 1024 * 1024
IDLE = 20.0
"""Seconds after which a connection is not used again: the other side may be about to close it."""


class Arrival:
    def __init__(self, number: int, line: str) -> None:
        at, mix, target = line.split()
        self.number, self.at = number, float(at)
        self.mix, self.target = int(mix), int(target)
        self.entry: dict[str, Any] = PLAN["mix"][self.mix]

    def body(self) -> dict[str, Any]:
        """No two alike: an answer from the cache of prompts would be none."""
        words = [WORDS[(self.number * 7 + place) % len(WORDS)] for place in range(self.entry["prompt_words"])]
        prompt = " ".join([f"{PLAN['seed']}-{self.number}:", *words])
        body: dict[str, Any] = {"model": self.entry["model"]}
        if self.entry["kind"] == "embed":
            return {**body, "input": prompt}
        asked = (
            {"messages": [{"role": "user", "content": prompt}]} if self.entry["kind"] == "chat" else {"prompt": prompt}
        )
        options = {"num_predict": self.entry["num_predict"], **PLAN["options"]}
        return {**body, **asked, "stream": self.entry["stream"], "options": options}


class Client:
    """One user's connection. It tries nothing twice and follows nowhere."""

    def __init__(self) -> None:
        self._session: Optional[requests.Session] = None
        self._used = 0.0

    def ask(self, arrival: Arrival) -> dict[str, Any]:
        found: dict[str, Any] = {"class": outcome.OK, "status": 0}
        limit = gevent.Timeout(PLAN["timeout"] or None)
        began = time.monotonic()
        limit.start()
        try:
            self._talk(arrival, found, began)
        except gevent.Timeout as late:
            if late is not limit:
                raise
            found.update({"class": outcome.TIMEOUT, "text": f"no complete answer within {PLAN['timeout']:g} s"})
        except (requests.RequestException, OSError) as error:
            kind = outcome.of_exception(error, found["status"])
            found.update({"class": kind, "exception": type(error).__name__, "text": str(error)[:300]})
        finally:
            limit.close()
        found["took"] = time.monotonic() - began
        self._used = time.monotonic()
        if found["class"] != outcome.OK:
            self._drop()
        return found

    def _talk(self, arrival: Arrival, found: dict[str, Any], began: float) -> None:
        url = PLAN["targets"][arrival.target]["url"] + PATHS[arrival.entry["kind"]]
        # None, not a number of seconds: the only limit is that of the whole request.
        session = self._fresh()
        with session.post(url, json=arrival.body(), timeout=None, stream=True, allow_redirects=False) as answer:
            found["status"] = answer.status_code
            found["instance"] = answer.headers.get("X-Corral-Instance", "")[:80]
            found["class"] = outcome.of_status(answer.status_code)
            if found["class"]:
                raw = answer.raw.read(4096, decode_content=True).decode("utf-8", "replace")
                found["text"] = outcome.error_text(parsed(raw), raw)
            elif arrival.entry["kind"] == "embed":
                embedded(answer, found)
            else:
                generated(answer, found, began)

    def _fresh(self) -> requests.Session:
        if self._session is None or time.monotonic() - self._used > IDLE:
            self._drop()
            self._session = requests.Session()
            # A proxy from the environment is for the internet, not for a server on loopback.
            self._session.trust_env = False
            self._session.headers["User-Agent"] = "corral-load-test"
            if PLAN["key"]:
                self._session.headers["Authorization"] = f"Bearer {PLAN['key']}"
            if (HERE / "ca.pem").exists():
                self._session.verify = str(HERE / "ca.pem")
        return self._session

    def _drop(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


def parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def embedded(answer: requests.Response, found: dict[str, Any]) -> None:
    value = parsed(b"".join(bounded(answer)).decode("utf-8", "replace"))
    sound = isinstance(value, dict)
    found["class"] = outcome.of_embedding(value) if sound else outcome.BAD_ANSWER
    found["tokens"] = number(value.get("prompt_eval_count")) if sound else 0
    if found["class"] != outcome.OK:
        found["text"] = outcome.error_text(value)


def generated(answer: requests.Response, found: dict[str, Any], began: float) -> None:
    """Lines of a stream, or the one object of an answer without."""
    last: Any = {}
    first, pieces, rest = 0.0, 0, b""
    for chunk in bounded(answer):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            last = parsed(line.decode("utf-8", "replace")) if line.strip() else last
            if isinstance(last, dict) and outcome.piece_of(last):
                pieces += 1
                first = first or time.monotonic()
    if rest.strip():
        last = parsed(rest.decode("utf-8", "replace"))
        pieces += bool(isinstance(last, dict) and outcome.piece_of(last))
    if not isinstance(last, dict):
        found["class"] = outcome.BAD_ANSWER
        return
    tokens = int(number(last.get("eval_count"))) or pieces
    found["class"] = outcome.of_generation(last, tokens)
    found["text"] = outcome.error_text(last) if "error" in last else ""
    found["tokens"] = tokens
    seconds = number(last.get("eval_duration")) / 1e9
    if first:
        found["first"] = first - began
        seconds = time.monotonic() - first
    if seconds > 0 and tokens > 1:
        # What is seen of a stream begins with the first token, so one of them took no time.
        found["speed"] = (tokens - bool(first)) / seconds


def bounded(answer: requests.Response) -> Any:
    size = 0
    for chunk in answer.iter_content(chunk_size=None):
        size += len(chunk)
        if size > LONGEST:
            raise OSError(f"the answer is longer than {LONGEST} bytes")
        yield chunk


def number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else 0.0
