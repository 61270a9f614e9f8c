# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles made from a store, and bundles made by hand with what no honest tool would write."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.names import parse_name
from ansible_collections.corral.ollama.plugins.module_utils.store.bundle_writing import Chosen, Written, write_bundle
from ansible_collections.corral.ollama.plugins.module_utils.store.layout import ModelTree
from ansible_collections.corral.ollama.plugins.module_utils.store.reading import stored_model
from ansible_collections.corral.ollama.tests.unit.staged import digest, manifest_of

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
NAME = "org.opencontainers.image.ref.name"


def chosen(tree: ModelTree, *names: str) -> tuple[Chosen, ...]:
    """The models as they are in the tree."""
    stored = [stored_model(tree, parse_name(name)) for name in names]
    return tuple(Chosen(one.name, one.raw, one.manifest) for one in stored if one and one.manifest)


def export(tree: ModelTree, path: Path, *names: str) -> Written:
    return write_bundle(tree, chosen(tree, *names), str(path))


def entry(name: str, raw: bytes, **more: Any) -> dict[str, Any]:
    """A descriptor of the index; ``more`` overrides what is true."""
    return {"digest": f"sha256:{digest(raw)}", "size": len(raw), "annotations": {NAME: name}, **more}


def index(*entries: Any, **more: Any) -> bytes:
    return json.dumps({"schemaVersion": 2, "manifests": list(entries), **more}).encode()


def member(name: str, data: bytes = b"", **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    """A member; ``more`` sets fields of its header."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def blob(data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return member(f"blobs/sha256/{digest(data)}", data)


def model_members(name: str, *contents: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
    """An honest bundle of one model, ready to be spoilt."""
    raw = manifest_of(*contents)
    return [
        member("oci-layout", LAYOUT),
        member("index.json", index(entry(name, raw))),
        *(blob(data) for data in dict.fromkeys((raw, *contents))),
    ]


def tarred(path: Path, members: Sequence[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, "w", format=form) as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    return path
