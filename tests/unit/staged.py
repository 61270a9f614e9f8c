# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores with a staging directory, made by hand: what a puller would have left there."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.core.ownership import plan_store
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree, StorePaths, store_at
from ansible_collections.corral.ollama.plugins.module_utils.store.lease import LeaseFile
from ansible_collections.corral.ollama.plugins.module_utils.store.preparing import make_ready, read_directory

TOKEN = "the-writer"


def ready_store(path: Path, token: str = TOKEN) -> StorePaths:
    """A store made ready, its lease held under ``token``."""
    paths = store_at(str(path))
    found = read_directory(paths)
    make_ready(paths, found, plan_store(found, "p", True).steps)
    if token:
        LeaseFile(paths).acquire("test", "1", 600, token)
    return paths


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest_of(*contents: bytes) -> bytes:
    """A manifest whose config is the first content and whose layers are the others."""
    blobs = [{"mediaType": "x", "digest": "sha256:" + digest(data), "size": len(data)} for data in contents]
    return json.dumps({"schemaVersion": 2, "config": blobs[0], "layers": blobs[1:]}).encode()


def put(tree: ModelTree, name: str, *contents: bytes) -> str:
    """Write a whole model into a tree, as a server does; returns its digest."""
    for data in contents:
        put_blob(tree, data)
    return put_manifest(tree, name, manifest_of(*contents))


def put_blob(tree: ModelTree, data: bytes) -> Path:
    path = Path(tree.blob(digest(data)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def put_manifest(tree: ModelTree, name: str, raw: bytes) -> str:
    path = Path(tree.manifest(parse_name(name)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw)
    return digest(raw)


def files(root: str | Path) -> dict[str, bytes]:
    """Every plain file below, without what tells when or in which run: the lease, receipts, the quarantine."""
    root = Path(root)
    found = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file()}
    dated = ("lease", "owner", "receipts", "quarantine")
    return {name: path.read_bytes() for name, path in found.items() if not any(word in name for word in dated)}


def args(paths: StorePaths, **more: Any) -> dict[str, Any]:
    return {"path": paths.root, "lease_token": TOKEN, **more}
