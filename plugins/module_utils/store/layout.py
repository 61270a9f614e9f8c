# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things lie in a store. Every path is made from validated names, so none leaves the store."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..core.declared import BadInput
from ..core.digests import blob_file
from ..core.names import ModelName


@dataclass(frozen=True)
class ModelTree:
    """A directory as ``OLLAMA_MODELS`` points to: ``blobs/`` and ``manifests/``."""

    root: str

    @property
    def blobs(self) -> str:
        return os.path.join(self.root, "blobs")

    @property
    def manifests(self) -> str:
        return os.path.join(self.root, "manifests")

    def blob(self, digest: str) -> str:
        return os.path.join(self.blobs, blob_file(digest))

    def manifest(self, name: ModelName) -> str:
        return os.path.join(self.manifests, *name.parts)

    def existing(self, name: ModelName) -> ModelName:
        """``name`` in the case of the directories that are there: Ollama matches names in any case."""
        path, parts = self.manifests, []
        for part in name.parts:
            part = _as_on_disk(path, part)
            path = os.path.join(path, part)
            parts.append(part)
        return ModelName(*parts)


@dataclass(frozen=True)
class StorePaths(ModelTree):
    """A store that a fleet shares. Corral's own files lie in ``.corral/`` and never in ``blobs/`` or ``manifests/``."""

    @property
    def private(self) -> str:
        return os.path.join(self.root, ".corral")

    @property
    def tmp(self) -> str:
        """For files that are renamed into place: on the same file system, and seen by no server."""
        return os.path.join(self.private, "tmp")

    @property
    def owner(self) -> str:
        return os.path.join(self.private, "owner.json")

    @property
    def lease(self) -> str:
        return os.path.join(self.root, ".corral.lease")

    @property
    def lease_guard(self) -> str:
        return os.path.join(self.private, "lease.guard")

    @property
    def receipts(self) -> str:
        """What was hashed when: one JSON line per blob, the last of a digest counts."""
        return os.path.join(self.private, "receipts.jsonl")

    @property
    def receipts_guard(self) -> str:
        return os.path.join(self.private, "receipts.guard")

    @property
    def scrub_result(self) -> str:
        """The result of the last scrub that came to an end."""
        return os.path.join(self.private, "scrub.json")

    @property
    def scrub_state(self) -> str:
        """What scrubs leave for the next one, those that were killed included."""
        return os.path.join(self.private, "scrub-state.json")

    @property
    def scrub_guard(self) -> str:
        return os.path.join(self.private, "scrub.guard")

    @property
    def repair_mark(self) -> str:
        """When a repair last changed what servers may remember."""
        return os.path.join(self.private, "repair.json")

    @property
    def prune_marks(self) -> str:
        return os.path.join(self.private, "candidates.json")

    @property
    def quarantine(self) -> str:
        return os.path.join(self.private, "quarantine")

    @property
    def merge_notes(self) -> str:
        """Damaged copies that a merge met in its sources, so that they are not read again."""
        return os.path.join(self.private, "merge.json")

    @property
    def known(self) -> ModelTree:
        """Copies of the manifests as they were published; no blobs."""
        return ModelTree(os.path.join(self.private, "known"))

    @property
    def past(self) -> str:
        """Manifests that were superseded or removed, by digest; their times say when."""
        return os.path.join(self.private, "known", "past")

    @property
    def staging(self) -> ModelTree:
        """What the puller has for its ``OLLAMA_MODELS``."""
        return ModelTree(os.path.join(self.private, "incoming"))


def store_at(path: str, what: str = "a store") -> StorePaths:
    """The paths of the store (or whatever else has a lease) at ``path``, which must be absolute; nothing is read."""
    clean = "/" + os.path.normpath(path).lstrip("/")
    if not os.path.isabs(path) or clean == "/" or "\0" in clean or ".." in path.split("/"):
        raise BadInput(f"{path!a} cannot be {what}.", remedy="Give the absolute path of its directory.", path=path)
    return StorePaths(clean)


def _as_on_disk(directory: str, part: str) -> str:
    try:
        present = os.listdir(directory)
    except OSError:
        return part
    if part in present:
        return part
    return next((entry for entry in sorted(present) if entry.lower() == part.lower()), part)
