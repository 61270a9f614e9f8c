# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks for tests: models by one letter per layer, so that a digest can be told at a glance."""

from __future__ import annotations

from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.lockfile import Lock, Locked
from ansible_collections.corral.ollama.plugins.module_utils.core.manifests import Blob
from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name


def locked(name: str, digest: str, layers: str = "ab") -> Locked:
    """The manifest digest is one hex digit 64 times; each layer is another, of 100 bytes."""
    blobs = tuple(Blob(letter * 64, 100, "application/x") for letter in layers)
    parsed = parse_name(name)
    return Locked(parsed, digest * 64, 100 * len(blobs), parsed.full, blobs)


def lock(*entries: Locked, generated_at: str = "2026-11-22T01:00:00Z") -> Lock:
    return Lock({entry.name.key: entry for entry in entries}, generated_at)


def row(
    name: str, digest: str = "", layers: str = "ab", remote: str = "", served: str = "", **more: Any
) -> dict[str, Any]:
    """As ``store_info`` returns it with layers; ``remote`` and ``served`` are the registry's digest and layers."""
    return {
        "name": parse_name(name).display,
        "digest": digest * 64,
        "target_digest": (remote or digest) * 64,
        "complete": bool(digest),
        "layers": _layers(layers) if digest else [],
        "target_layers": _layers(served) if remote else [],
        "bytes_to_update": 100 * len(set(served) - set(layers if digest else "")),
        "problem": "",
        **more,
    }


def server(name: str, reachable: bool = True, **digests: str) -> dict[str, Any]:
    """As ``model_info`` returns it; the models' names with ``_`` for the colon."""
    models = [{"name": key.replace("_", ":"), "digest": digest * 64} for key, digest in digests.items()]
    return {"name": name, "reachable": reachable, "error": "" if reachable else "refused", "models": models}


def _layers(letters: str) -> list[dict[str, Any]]:
    return [{"digest": letter * 64, "size": 100, "media_type": "application/x"} for letter in letters]
