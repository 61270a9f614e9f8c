# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way back: a manifest that was published before, made current again while the store still has its blobs."""

from __future__ import annotations

from typing import Any

from ..core.declared import BadInput, Declared
from ..core.digests import sha256_bytes
from ..core.errors import CorralError
from ..core.manifests import InvalidManifest, Manifest, parse_manifest
from ..core.publish_plan import PUBLISH, Task
from ..core.store_needs import NONE, Held
from ..store.known import known_manifest, past
from ..store.layout import StorePaths
from ..store.reading import incomplete
from ..store.receipts import ReceiptFile
from .publish_one import Tools, write_receipts


def task_from_known(paths: StorePaths, model: Declared, held: Held) -> Task:
    """What is to be done; raises where the store cannot go back to the digest."""
    if not model.digest:
        text = f"{model.name.display} has no digest, and source=known goes back to one."
        raise BadInput(text, remedy="Give each of the models its digest.")
    if held.complete and held.digest == model.digest:
        return Task(model, held, NONE)
    manifest = _manifest(paths, model)
    lacking = incomplete(paths, manifest)
    if lacking:
        raise _gone(model, f"{len(lacking)} of its blobs are not in the store any more")
    return Task(model, held, PUBLISH, "it was published before", manifest)


def publish_known(tools: Tools, task: Task) -> dict[str, Any]:
    """Every blob is hashed before, unless a receipt still speaks for it."""
    manifest = _manifest(tools.paths, task.model)
    receipts = ReceiptFile(tools.paths).load()
    for blob in manifest.blobs:
        path = tools.paths.blob(blob.digest)
        if not tools.verifier.believe(path, receipts.get(blob.digest)):
            tools.verifier.start(path)
    tools.publisher.restore(task.model.name, _raw(tools.paths, task.model), manifest)
    write_receipts(tools, manifest)
    return {"digest": manifest.digest, "changed": True, "layers_reused": len(manifest.blobs)}


def _manifest(paths: StorePaths, model: Declared) -> Manifest:
    try:
        return parse_manifest(_raw(paths, model))
    except InvalidManifest as error:
        raise _gone(model, error.message) from error


def _raw(paths: StorePaths, model: Declared) -> bytes:
    digest = str(model.digest)
    if digest in (found := past(paths)):
        return found[digest][0]
    raw = known_manifest(paths, model.name)
    if raw is None or sha256_bytes(raw) != digest:
        raise _gone(model, "there is no copy of its manifest")
    return raw


def _gone(model: Declared, why: str) -> CorralError:
    return CorralError(
        f"{model.name.display} cannot go back to {model.digest}: {why}.",
        kind="not_known",
        remedy="Bring that version from a bundle or from another store.",
        model=model.name.display,
        expected=model.digest,
    )
