# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted registry with the models of a tree. As the public one it redirects blobs to another host; that is a second
server here, which counts what it sends and misbehaves when it is told to."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.module_utils.store.reading import model_names, stored_model
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, Call, ScriptedServer

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


class FakeRegistry:
    """``url`` is the registry. ``direct``: a blob is answered with 200 at once, as a plain registry does.

    ``twist[digest]``: answers that take the place of the next ones for this blob, made from the call and the right one.
    """

    def __init__(self, tree: ModelTree | None = None, direct: bool = False, by_digest: bool = True) -> None:
        self._front, self._back = ScriptedServer(), ScriptedServer()
        self._direct, self._by_digest = direct, by_digest
        self._blobs: dict[str, bytes] = {}
        self.twist: dict[str, list[Callable[[Call, Answer], Answer]]] = {}
        self.sent: dict[str, int] = {}
        for name in model_names(tree) if tree else ():
            stored = stored_model(tree, name)
            contents = {}
            for blob in stored.manifest.blobs:
                with open(tree.blob(blob.digest), "rb") as file:
                    contents[blob.digest] = file.read()
            self.serve(f"{name.namespace}/{name.model}", name.tag, stored.raw, stored.digest, contents)

    def __enter__(self) -> FakeRegistry:
        self._back.__enter__()
        self._front.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._front.__exit__(*details)
        self._back.__exit__(*details)

    @property
    def url(self) -> str:
        return self._front.url

    @property
    def fetched(self) -> int:
        """Bytes of blobs that were sent."""
        return sum(self.sent.values())

    @property
    def calls(self) -> list[Call]:
        return [*self._front.calls, *self._back.calls]

    def serve(self, repository: str, tag: str, raw: bytes, digest: str, contents: dict[str, bytes]) -> None:
        self._front.on("GET", f"/v2/{repository}/manifests/{tag}", Answer(body=raw))
        if self._by_digest:
            self._front.on("GET", f"/v2/{repository}/manifests/sha256:{digest}", Answer(body=raw))
        for blob, data in contents.items():
            self._blobs[blob] = data
            path = f"/v2/{repository}/blobs/sha256:{blob}"
            self._front.on("HEAD", path, Answer(body=data))
            if self._direct:
                self._front.on("GET", path, self._send)
            else:
                where = f"{self._back.url}/sha256/{blob}?signed=1"
                self._front.on("GET", path, Answer(307, headers={"Location": where}))
                self._back.on("GET", f"/sha256/{blob}?signed=1", self._send)

    def forget_tag(self, repository: str, tag: str) -> None:
        self._front.on("GET", f"/v2/{repository}/manifests/{tag}", Answer(404, b"{}"))

    def forget_blob(self, repository: str, digest: str) -> None:
        for method in ("GET", "HEAD"):
            self._front.on(method, f"/v2/{repository}/blobs/sha256:{digest}", Answer(404, b"{}"))

    def _send(self, call: Call) -> Answer:
        digest = re.search("[0-9a-f]{64}", call.path)[0]
        data, match = self._blobs[digest], _RANGE.fullmatch(call.headers.get("Range", ""))
        answer = Answer(body=data)
        if match:
            answer = ranged(data, int(match[1]), int(match[2] or len(data) - 1))
        if self.twist.get(digest):
            answer = self.twist[digest].pop(0)(call, answer)
        if answer.status in (200, 206):
            self.sent[digest] = self.sent.get(digest, 0) + len(answer.body) + sum(map(len, answer.lines or ()))
        return answer


def ranged(data: bytes, first: int, last: int) -> Answer:
    return Answer(206, data[first : last + 1], {"Content-Range": f"bytes {first}-{last}/{len(data)}"})


def wrong(_call: Call, right: Answer) -> Answer:
    """The right length, one byte changed."""
    return replace(right, body=bytes([right.body[0] ^ 1]) + right.body[1:])


def cut_after(count: int) -> Callable[[Call, Answer], Answer]:
    """So many bytes, and the connection is gone."""

    def twist(_call: Call, right: Answer) -> Answer:
        return replace(right, lines=(right.body[:count],), body=b"", cut=True)

    return twist


def endless(_call: Call, right: Answer) -> Answer:
    """More and more of it."""
    return replace(right, lines=(right.body,), body=b"", repeat_last=True, line_delay=0.001)


def status(code: int) -> Callable[[Call, Answer], Answer]:
    return lambda _call, _right: Answer(code, b"{}")
