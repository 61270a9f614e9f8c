# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a model visible in a store, or invisible: blobs first, the manifest last and by rename.

Whatever ends the process at whatever step, a reader sees the old model or the new one, whole.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..core.errors import CorralError
from ..core.manifests import Blob, Manifest
from ..core.names import ModelName
from .files import fsync_dir, fsync_file, lstat, os_errors, unlink_if_there
from .known import forget
from .layout import StorePaths
from .lease import LeaseFile
from .placing import place_link, place_manifest
from .reading import StoredModel
from .trees import remove_empty_parents
from .verifier import Verifier


class BadBlob(CorralError):
    """A blob of the model is not what its name says; ``facts['digest']`` names it."""

    kind = "digest_mismatch"


@dataclass(frozen=True)
class Published:
    """Blobs that the store had, and those that came from staging."""

    reused: tuple[Blob, ...]
    placed: tuple[Blob, ...]


class Publisher:
    """Writes to the store, under the lease only. ``verifier`` remembers what was hashed."""

    def __init__(self, paths: StorePaths, lease: LeaseFile, token: str, verifier: Verifier) -> None:
        self._paths, self._lease, self._token, self._verifier = paths, lease, token, verifier

    def publish(self, name: ModelName, staged: StoredModel, manifest: Manifest) -> Published:
        """Every blob is hashed before anything is moved; raises ``BadBlob``, ``LeaseLost``."""
        self._lease.require(self._token)
        target = self._paths.existing(name)
        for blob in sorted(manifest.blobs, key=lambda one: one.size, reverse=True):
            self._verifier.start(self._paths.staging.blob(blob.digest))
        placed = tuple(blob for blob in manifest.blobs if not self._in_store(name, blob))
        for blob in placed:
            self._make_durable(self._paths.staging.blob(blob.digest))
        with self._lease.writing(self._token), os_errors("publish in", self._paths.root):
            for blob in placed:
                place_link(self._paths, self._paths.staging.blob(blob.digest), blob.digest)
            fsync_dir(self._paths.blobs)
            place_manifest(self._paths, target, staged.raw)
        reused = tuple(blob for blob in manifest.blobs if blob not in placed)
        return Published(reused, placed)

    def restore(self, name: ModelName, raw: bytes, manifest: Manifest) -> None:
        """Make a manifest current whose blobs the store has; raises ``BadBlob``, ``LeaseLost``."""
        for blob in manifest.blobs:
            path = self._paths.blob(blob.digest)
            problem = self._verifier.problem(path, blob)
            if problem:
                raise self._bad(name, blob, problem, path)
        target = self._paths.existing(name)
        with self._lease.writing(self._token), os_errors("publish in", self._paths.root):
            place_manifest(self._paths, target, raw)

    def sweep(self) -> None:
        """Remove what killed runs left in ``.corral/tmp``: whoever writes there holds the guard, as we do now."""
        with self._lease.writing(self._token), os_errors("clear", self._paths.tmp):
            for entry in os.listdir(self._paths.tmp):
                unlink_if_there(os.path.join(self._paths.tmp, entry))

    def remove(self, name: ModelName) -> None:
        """Unlink the manifest, and directories that are empty then. Blobs stay: others may use them."""
        target = self._paths.existing(name)
        path = self._paths.manifest(target)
        with self._lease.writing(self._token), os_errors("remove", path):
            forget(self._paths, target)
            unlink_if_there(path)
            fsync_dir(remove_empty_parents(self._paths, target))

    def _in_store(self, name: ModelName, blob: Blob) -> bool:
        """True: the store's own file is the blob. False: the staged one is. Neither: ``BadBlob``."""
        staged, stored = self._paths.staging.blob(blob.digest), self._paths.blob(blob.digest)
        if lstat(stored) is not None and not self._verifier.problem(stored, blob):
            return True
        problem = self._verifier.problem(staged, blob)
        if problem:
            raise self._bad(name, blob, problem, staged)
        return False

    @staticmethod
    def _bad(name: ModelName, blob: Blob, problem: str, path: str) -> BadBlob:
        return BadBlob(
            f"The blob {blob.digest} of {name.display} is not what its name says: {problem} (in {path}).",
            remedy="Pull the model again; if it stays, the registry or the disk is at fault.",
            model=name.display,
            digest=blob.digest,
            problem=problem,
        )

    def _make_durable(self, path: str) -> None:
        with os_errors("sync", path):
            os.chmod(path, 0o644)
            fsync_file(path)
