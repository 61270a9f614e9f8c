# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted peer: serves a store as the peer server does, counts what it sends, and misbehaves when it is told to."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.module_utils.store.reading import model_names
from ansible_collections.corral.ollama.tests.unit.fake_registry import ranged
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, Call, ScriptedServer

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")

Twist = Callable[[Call, Answer], Answer]


class FakePeer:
    """``twist``: what becomes of the right answer for a blob, each time."""

    def __init__(self, tree: ModelTree, name: str = "peer", token: str = "secret", twist: Twist | None = None) -> None:
        self._server, self._tree, self._token, self.twist = ScriptedServer(), tree, token, twist
        self.name, self.sent = name, 0
        for model in model_names(tree):
            path = Path(tree.manifest(model))
            self._on("/manifests/" + "/".join(model.parts), lambda _call, path=path: Answer(body=path.read_bytes()))
        blobs = Path(tree.blobs)
        for path in sorted(blobs.iterdir()) if blobs.is_dir() else ():
            self._on(f"/blobs/{path.name}", lambda call, path=path: self._blob(call, path.read_bytes()))

    def __enter__(self) -> FakePeer:
        self._server.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.__exit__(*details)

    @property
    def calls(self) -> list[Call]:
        return self._server.calls

    def entry(self) -> dict[str, str]:
        """It as an option of store_fetch."""
        return {"name": self.name, "url": self._server.url}

    def _on(self, path: str, answer: Callable[[Call], Answer]) -> None:
        def guarded(call: Call) -> Answer:
            return answer(call) if call.headers.get("Authorization") == f"Bearer {self._token}" else Answer(403)

        self._server.on("GET", path, guarded)

    def _blob(self, call: Call, data: bytes) -> Answer:
        match = _RANGE.fullmatch(call.headers.get("Range", ""))
        answer = ranged(data, int(match[1]), int(match[2])) if match else Answer(body=data)
        if self.twist is not None:
            answer = self.twist(call, answer)
        self.sent += len(answer.body)
        return answer
