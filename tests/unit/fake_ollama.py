# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted Ollama server that remembers what was pulled, copied and deleted; and a registry at the same address."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, Call, ScriptedServer, error, ok, stream


def manifest(*digits: str, size: int = 100) -> bytes:
    """A manifest whose config and layers have digests of one repeated hexadecimal digit each."""
    blobs = [{"mediaType": "x", "digest": f"sha256:{digit * 64}", "size": size} for digit in digits]
    return json.dumps({"schemaVersion": 2, "config": blobs[0], "layers": blobs[1:]}).encode()


def digest_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


class FakeOllama(ScriptedServer):
    """``registry``: name → manifest bytes that pulls and the registry's API serve; ``models``: name → those held."""

    def __init__(self) -> None:
        super().__init__()
        self.registry: dict[str, bytes] = {}
        self.models: dict[str, bytes] = {}
        self.on("GET", "/api/tags", self._tags).on("POST", "/api/pull", self._pull)
        self.on("DELETE", "/api/delete", self._delete).on("POST", "/api/copy", self._copy)
        self.on("POST", "/api/show", self._show).on("GET", "/api/version", ok({"version": "0.32.15"}))
        self.on("GET", "/api/ps", ok({"models": []}))

    def serve(self, name: str, raw: bytes) -> None:
        """Let the registry serve ``raw`` under ``name``."""
        self.registry[name] = raw
        parsed = parse_name(name)
        path = f"/v2/{parsed.namespace}/{parsed.model}/manifests/{parsed.tag}"
        self.on("GET", path, lambda _call: Answer(body=self.registry[name]))

    @property
    def pulls(self) -> int:
        return len(self.called("/api/pull"))

    def _tags(self, _call: Call) -> Answer:
        return ok({"models": [self._entry(name, raw) for name, raw in self.models.items()]})

    @staticmethod
    def _entry(name: str, raw: bytes) -> dict[str, Any]:
        held = json.loads(raw)
        size = sum(blob["size"] for blob in [held["config"], *held["layers"]])
        return {"name": name, "model": name, "digest": digest_of(raw), "size": size, "details": {"families": None}}

    def _pull(self, call: Call) -> Answer:
        name = call.body["model"]
        if name not in self.registry:
            return stream({"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"})
        held = {blob["digest"] for raw in self.models.values() for blob in self._blobs(raw)}
        lines = []
        for blob in self._blobs(self.registry[name]):
            steps = (1,) if blob["digest"] in held else (0.5, 1)
            for step in steps:
                done = {"total": blob["size"], "completed": int(blob["size"] * step)}
                lines.append({"status": f"pulling {blob['digest'][7:19]}", "digest": blob["digest"], **done})
        self.models[name] = self.registry[name]
        return stream({"status": "pulling manifest"}, *lines, {"status": "success"})

    @staticmethod
    def _blobs(raw: bytes) -> list[dict[str, Any]]:
        held = json.loads(raw)
        return [*held["layers"], held["config"]]

    def _delete(self, call: Call) -> Answer:
        name = call.body["model"]
        return Answer() if self.models.pop(name, None) else error(404, f"model '{name}' not found")

    def _copy(self, call: Call) -> Answer:
        source = self.models.get(call.body["source"])
        if source is None:
            return error(404, f'model "{call.body["source"]}" not found')
        self.models[call.body["destination"]] = source
        return Answer()

    def _show(self, call: Call) -> Answer:
        name = call.body["model"]
        return ok({"capabilities": ["completion"]}) if name in self.models else error(404, f"model '{name}' not found")
