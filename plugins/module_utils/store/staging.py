# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The staging directory: what a pull finds there, and what is cleared away after it was published."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from ..core.digests import digest_of_blob_file
from ..core.manifests import Blob, Manifest
from ..core.names import ModelName
from .files import lstat, make_directory, os_errors, unlink_if_there
from .layout import StorePaths
from .partials import fetch_digest, stuck_parts
from .reading import incomplete, model_names, stored_model
from .trees import remove_empty_parents
from .verifier import Verifier


def make_staging(paths: StorePaths) -> None:
    """The puller makes them itself, unless its files are wanted there before it was ever started."""
    for path in (paths.staging.root, paths.staging.blobs, paths.staging.manifests):
        with os_errors("create", path):
            make_directory(path, 0o700 if path == paths.staging.root else 0o755)


def link_in(paths: StorePaths, blobs: Iterable[Blob], verifier: Verifier) -> tuple[Blob, ...]:
    """Hard-link into staging what the store has and hashes right: the puller trusts it by its name, so nothing else."""
    linked = []
    wanted = [blob for blob in blobs if not _is_there(paths.staging.blob(blob.digest))]
    for blob in wanted:
        verifier.start(paths.blob(blob.digest))
    for blob in wanted:
        stored, staged = paths.blob(blob.digest), paths.staging.blob(blob.digest)
        if verifier.problem(stored, blob):
            continue
        with os_errors("link into staging", staged):
            os.link(stored, staged, follow_symlinks=False)
        linked.append(blob)
    return tuple(linked)


def drop_bad(paths: StorePaths, digest: str) -> None:
    """Remove a staged blob: the puller believes in it as long as it is there."""
    path = paths.staging.blob(digest)
    with os_errors("remove", path):
        unlink_if_there(path)


def drop_manifest(paths: StorePaths, name: ModelName) -> None:
    """Forget a staged model that must not be published; its blobs stay for the next pull."""
    actual = paths.staging.existing(name)
    path = paths.staging.manifest(actual)
    with os_errors("remove", path):
        unlink_if_there(path)
        remove_empty_parents(paths.staging, actual)


def clear_stuck(paths: StorePaths) -> tuple[str, ...]:
    """Remove the partial files of blobs that no pull could ever finish; those that one can resume stay.

    Seen on real servers: a part without part 0, or an empty one, fails every further pull. Returns the digests.
    Only for times at which no pull runs; nobody else writes here.
    """
    stuck = stuck_parts(paths.staging)
    for names in stuck.values():
        for name in names:
            path = os.path.join(paths.staging.blobs, name)
            with os_errors("remove", path):
                unlink_if_there(path)
    return tuple(stuck)


def leftovers(paths: StorePaths) -> tuple[str, ...]:
    """Staged files (below staging) that the store has as well: an earlier run was ended before it cleared them away."""
    found: list[str] = []
    published, needed = _published(paths)
    for name in _names(paths.staging.blobs):
        digest = digest_of_blob_file(name)
        if digest is None:
            fetched = fetch_digest(name)
            found += [f"blobs/{name}"] if fetched and lstat(paths.blob(fetched)) is not None else []
            continue
        staged, stored = lstat(os.path.join(paths.staging.blobs, name)), lstat(paths.blob(digest))
        if staged is None or stored is None:
            continue
        same = (staged.st_dev, staged.st_ino) == (stored.st_dev, stored.st_ino)
        if same or (digest in {blob.digest for one in published.values() for blob in one.blobs} - needed):
            found.append(f"blobs/{name}")
    # manifests last: they say which blobs may go, should this be interrupted too
    return (*found, *(os.path.join("manifests", *name.parts) for name in published))


def clear(paths: StorePaths, files: Iterable[str]) -> None:
    """Remove leftovers, in the order given."""
    for file in files:
        path = os.path.join(paths.staging.root, file)
        with os_errors("remove", path):
            unlink_if_there(path)
    for name in (file for file in files if file.startswith("manifests/")):
        remove_empty_parents(paths.staging, ModelName(*name.split("/")[1:]))


def _published(paths: StorePaths) -> tuple[dict[ModelName, Manifest], set[str]]:
    """Staged models that the store holds just so, and the digests that the other staged models need."""
    published: dict[ModelName, Manifest] = {}
    needed: set[str] = set()
    for name in model_names(paths.staging):
        staged, stored = stored_model(paths.staging, name), stored_model(paths, name)
        if staged is None or staged.manifest is None:
            continue
        whole = stored is not None and stored.manifest is not None and not incomplete(paths, stored.manifest)
        if whole and stored is not None and stored.digest == staged.digest:
            published[name] = staged.manifest
        else:
            needed.update(blob.digest for blob in staged.manifest.blobs)
    return published, needed


def _is_there(path: str) -> bool:
    found = lstat(path)
    return found is not None and stat.S_ISREG(found.st_mode)


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
