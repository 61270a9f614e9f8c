# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request of the load is, and when its answer counts: when it is complete."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

INSTANCE = "X-Corral-Instance"
MESSAGES = [{"role": "user", "content": "Say something."}]


class Incomplete(Exception):
    """The transfer ended as it should and the answer does not."""


class Status(Exception):
    """Another status than 200."""


@dataclass
class Asked:
    """One request: what is asked, and what is known of its answer when something goes wrong."""

    kind: str
    model: str
    models: tuple[str, ...] = ()
    tokens: int = 6
    instance: str = ""
    status: int = 0

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        self.status, self.instance = status, headers.get(INSTANCE, "")

    @property
    def route(self) -> str:
        return ROUTES[self.kind]

    @property
    def body(self) -> dict[str, Any] | None:
        if self.kind in ("tags", "v1_models"):
            return None
        if self.kind in ("embed", "v1_embed"):
            return {"model": self.model, "input": "a fleet"}
        body = {"model": self.model, "stream": self.kind.endswith("stream")}
        if self.kind.startswith("v1"):
            return {**body, "messages": MESSAGES, "max_tokens": self.tokens}
        text = {"messages": MESSAGES} if self.kind.startswith("chat") else {"prompt": "Say something."}
        return {**body, **text, "options": {"num_predict": self.tokens}}


ROUTES = {
    "tags": "/api/tags",
    "embed": "/api/embed",
    "generate": "/api/generate",
    "generate_stream": "/api/generate",
    "chat": "/api/chat",
    "chat_stream": "/api/chat",
    "v1_models": "/v1/models",
    "v1_embed": "/v1/embeddings",
    "v1_chat": "/v1/chat/completions",
    "v1_chat_stream": "/v1/chat/completions",
}


def judge(asked: Asked, raw: bytes) -> None:
    """Whether these bytes are all of an answer."""
    if asked.status != 200:
        raise Status(f"{asked.status} {raw[:300]!r}")
    try:
        whole = _JUDGES[asked.kind](asked, raw)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Incomplete(f"{error!r} in {raw[-300:]!r}") from None
    if not whole:
        raise Incomplete(f"{raw[-300:]!r}")


def _lines(asked: Asked, raw: bytes) -> bool:
    """Ollama's: words, and a last line that counts as many tokens as there were lines before it."""
    lines = [json.loads(line) for line in raw.splitlines() if line.strip()]
    last = lines[-1]
    stream = asked.kind.endswith("stream")
    made = len(lines) - 1 if stream else last["eval_count"]
    words = "".join(line.get("response") or line.get("message", {}).get("content", "") for line in lines)
    return last["done"] is True and bool(words) and made == last["eval_count"] == asked.tokens


def _events(asked: Asked, raw: bytes) -> bool:
    events = [line.removeprefix(b"data: ") for line in raw.splitlines() if line.startswith(b"data: ")]
    choices = [json.loads(event)["choices"][0] for event in events[:-1]]
    words = "".join(choice["delta"].get("content") or "" for choice in choices)
    return events[-1] == b"[DONE]" and bool(choices[-1]["finish_reason"]) and bool(words)


def _choice(asked: Asked, raw: bytes) -> bool:
    choice = json.loads(raw)["choices"][0]
    return bool(choice["finish_reason"] and choice["message"]["content"])


def listed(asked: Asked, names: Iterable[str]) -> bool:
    return set(asked.models) <= set(names)


_JUDGES = {
    "tags": lambda asked, raw: listed(asked, [model["name"] for model in json.loads(raw)["models"]]),
    "v1_models": lambda asked, raw: listed(asked, [model["id"] for model in json.loads(raw)["data"]]),
    "embed": lambda asked, raw: len(json.loads(raw)["embeddings"][0]) > 0,
    "v1_embed": lambda asked, raw: len(json.loads(raw)["data"][0]["embedding"]) > 0,
    "generate": _lines,
    "generate_stream": _lines,
    "chat": _lines,
    "chat_stream": _lines,
    "v1_chat": _choice,
    "v1_chat_stream": _events,
}
