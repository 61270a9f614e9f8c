# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scripted server that pulls into a staging directory as the real one does: what exists is trusted by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.tests.unit.scripted_server import Answer, Call, ScriptedServer, stream
from ansible_collections.corral.ollama.tests.unit.staged import digest, manifest_of, put_manifest


class FakePuller(ScriptedServer):
    """``wrong``: digest → the bytes that the first download of it brings instead, unnoticed."""

    def __init__(self, staging: ModelTree) -> None:
        super().__init__()
        self.staging = staging
        self.served: dict[str, tuple[bytes, ...]] = {}
        self.wrong: dict[str, list[bytes]] = {}
        self.fetched: list[str] = []
        self.on("POST", "/api/pull", self._pull)

    def serve(self, name: str, *contents: bytes, registry: bool = True) -> str:
        """Let the puller, and the registry's API, serve a model; returns its digest."""
        self.served[name] = contents
        parsed = parse_name(name)
        if registry:
            path = f"/v2/{parsed.namespace}/{parsed.model}/manifests/{parsed.tag}"
            self.on("GET", path, lambda _call: Answer(body=manifest_of(*self.served[name])))
        return digest(manifest_of(*contents))

    @property
    def pulls(self) -> list[str]:
        return [call.body["model"] for call in self.called("/api/pull")]

    def _pull(self, call: Call) -> Answer:
        name = call.body["model"]
        contents = self.served.get(name)
        if contents is None:
            return stream({"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"})
        lines: list[dict[str, Any]] = [{"status": "pulling manifest"}]
        for data in (*contents[1:], contents[0]):
            lines += self._layer(data)
        put_manifest(self.staging, name, manifest_of(*contents))
        ends = ("verifying sha256 digest", "writing manifest", "success")
        return stream(*lines, *({"status": status} for status in ends))

    def _layer(self, data: bytes) -> list[dict[str, Any]]:
        key, path = digest(data), Path(self.staging.blob(digest(data)))
        line = {"status": f"pulling {key[:12]}", "digest": f"sha256:{key}", "total": len(data), "completed": len(data)}
        if path.exists():
            return [{**line, "total": path.stat().st_size, "completed": path.stat().st_size}]
        self.fetched.append(key)
        between = path.with_name(f"{path.name}-partial")
        between.write_bytes(self.wrong[key].pop(0) if self.wrong.get(key) else data)
        between.rename(path)
        return [{**line, "completed": len(data) // 2}, line]
