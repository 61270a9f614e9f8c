# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four kinds of clients that the load is made of, none of which asks a second time by itself.

Each asks one question and raises unless the answer is complete: `Incomplete` where an answer ended well and is none,
`Status` for another status than 200, and whatever the library raises where the connection was lost.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import aiohttp
import httpx
import ollama
import openai
import requests
from load_answers import Asked, Incomplete, Status, judge, listed

#: Longer than the gateway's own limit for one that waits, so that its answer is the one that is seen.
TIMEOUT = 150.0


@dataclass(frozen=True)
class Target:
    """Where to ask, and how."""

    base_url: str
    key: str = ""
    ca: str = ""
    timeout: float = TIMEOUT

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    @cached_property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca or None)


class Aio:
    """aiohttp; one connection that is kept."""

    kinds = (
        *(["embed"] * 3), "v1_embed", "tags", *(["generate"] * 2), *(["generate_stream"] * 2), "chat",
        *(["chat_stream"] * 2), "v1_chat", "v1_chat_stream",
    )  # fmt: skip

    def __init__(self, target: Target) -> None:
        self._url, timeout = target.base_url, aiohttp.ClientTimeout(total=target.timeout, sock_connect=10)
        connector = aiohttp.TCPConnector(limit=1, ssl=target.tls)
        self._session = aiohttp.ClientSession(connector=connector, headers=target.headers, timeout=timeout)
        # By itself it asks again where a kept connection was closed under a GET: that is to be seen here.
        self._session._retry_connection = False

    @classmethod
    @asynccontextmanager
    async def of(cls, target: Target) -> AsyncIterator[Aio]:
        client = cls(target)
        try:
            yield client
        finally:
            await client._session.close()

    async def ask(self, asked: Asked) -> None:
        method = "GET" if asked.body is None else "POST"
        async with self._session.request(method, self._url + asked.route, json=asked.body) as answer:
            asked.answered(answer.status, answer.headers)
            raw = bytearray()
            async for chunk in answer.content.iter_any():
                raw += chunk
        judge(asked, bytes(raw))


class Requests:
    kinds = ("embed", "tags", "generate", "generate_stream", "chat_stream", "v1_chat_stream")

    def __init__(self, target: Target) -> None:
        self._target, self._session = target, requests.Session()
        # Else a proxy or an authority from the environment would win over what is asked for.
        self._session.trust_env = False
        self._session.verify = target.ca or True
        self._session.headers.update(target.headers)

    def ask(self, asked: Asked) -> None:
        method = "GET" if asked.body is None else "POST"
        options: dict[str, Any] = {"json": asked.body, "timeout": (10, self._target.timeout), "stream": True}
        with self._session.request(method, self._target.base_url + asked.route, **options) as answer:
            asked.answered(answer.status_code, answer.headers)
            judge(asked, b"".join(answer.iter_content(None)))


class _Httpx:
    """What the two clients on httpx share: who answered is told by a hook."""

    def __init__(self, target: Target) -> None:
        self._asked = Asked("", "")
        self.options: dict[str, Any] = {
            "timeout": httpx.Timeout(target.timeout, connect=10),
            "verify": target.tls,
            "trust_env": False,
            "event_hooks": {"response": [lambda answer: self._asked.answered(answer.status_code, answer.headers)]},
        }

    def ask(self, asked: Asked) -> None:
        self._asked = asked
        try:
            whole = self.asking(asked)
        except (ollama.ResponseError, openai.APIStatusError) as error:
            raise Status(f"{error.status_code} {error}") from None
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise Incomplete(repr(error)) from None
        if not whole:
            raise Incomplete("the client says that the answer ended well")

    def asking(self, asked: Asked) -> bool:
        raise NotImplementedError


class Ollama(_Httpx):
    """Ollama's official client."""

    kinds = ("embed", "tags", "generate", "generate_stream", "chat", "chat_stream")

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._client = ollama.Client(host=target.base_url, headers=target.headers, **self.options)

    def asking(self, asked: Asked) -> bool:
        if asked.kind == "tags":
            return listed(asked, [model.model or "" for model in self._client.list().models])
        if asked.kind == "embed":
            return len(self._client.embed(asked.model, "a fleet").embeddings[0]) > 0
        body = asked.body or {}
        call = self._client.chat if asked.kind.startswith("chat") else self._client.generate
        parts = list(call(**body)) if body["stream"] else [call(**body)]
        return parts[-1].done is True and parts[-1].eval_count == asked.tokens


class OpenAI(_Httpx):
    """The `openai` client, told not to try again."""

    kinds = ("v1_chat", "v1_chat_stream", "v1_chat_stream", "v1_embed", "v1_models")

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self._client = openai.OpenAI(
            base_url=f"{target.base_url}/v1",
            api_key=target.key or "none",
            max_retries=0,
            http_client=httpx.Client(**self.options),
        )

    def asking(self, asked: Asked) -> bool:
        if asked.kind == "v1_models":
            return listed(asked, [model.id for model in self._client.models.list()])
        body: dict[str, Any] = asked.body or {}
        if asked.kind == "v1_embed":
            found = self._client.embeddings.create(**body, encoding_format="float")
            return len(found.data[0].embedding) > 0
        answer = self._client.chat.completions.create(**body)
        choices = [part.choices[0] for part in answer] if body["stream"] else [answer.choices[0]]
        return bool(choices[-1].finish_reason)
