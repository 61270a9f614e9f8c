# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store says it holds: one model's manifest, and whether its blobs are there in the right size (no hashing)."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from ..core.manifests import MAX_MANIFEST_BYTES, Blob, InvalidManifest, Manifest, parse_manifest
from ..core.names import InvalidName, ModelName, from_parts
from .files import NotAFile, lstat, os_errors, read_plain
from .layout import ModelTree


@dataclass(frozen=True)
class StoredModel:
    """A manifest in a tree. ``manifest`` is ``None`` and ``problem`` says why when it cannot be trusted."""

    name: ModelName
    raw: bytes
    manifest: Manifest | None
    problem: str = ""

    @property
    def digest(self) -> str:
        return self.manifest.digest if self.manifest else ""


def stored_model(tree: ModelTree, name: ModelName) -> StoredModel | None:
    """The model in the tree, found in any case of its name; ``None`` when it has no manifest there."""
    actual = tree.existing(name)
    path = tree.manifest(actual)
    if not _real_directories(tree, actual):
        return None
    with os_errors("read", path):
        if lstat(path) is None:
            return None
        try:
            raw = read_plain(path, MAX_MANIFEST_BYTES)
            manifest = parse_manifest(raw)
        except (NotAFile, InvalidManifest) as error:
            return StoredModel(actual, b"", None, error.message)
    if manifest.is_empty:
        return StoredModel(actual, raw, None, "The manifest names no config or no layer.")
    return StoredModel(actual, raw, manifest)


def incomplete(tree: ModelTree, manifest: Manifest) -> tuple[Blob, ...]:
    """The blobs of a manifest that are missing from the tree, no plain file, or of another size."""
    return tuple(blob for blob in manifest.blobs if not has_blob(tree, blob))


def has_blob(tree: ModelTree, blob: Blob) -> bool:
    found = lstat(tree.blob(blob.digest))
    return found is not None and stat.S_ISREG(found.st_mode) and found.st_size == blob.size


def empty_parents(tree: ModelTree, name: ModelName) -> bool:
    """Whether nothing but empty directories is left of a model: a removal was ended before it removed them."""
    path = os.path.dirname(tree.manifest(tree.existing(name)))
    while path != tree.manifests:
        found = lstat(path)
        if found is not None:
            return stat.S_ISDIR(found.st_mode) and not os.listdir(path)
        path = os.path.dirname(path)
    return False


def model_names(tree: ModelTree) -> tuple[ModelName, ...]:
    """The names of all plain manifests in the tree, sorted; links are not followed, odd names are left out."""
    names = []
    level: list[tuple[str, ...]] = [()]
    for depth in range(4):
        deeper: list[tuple[str, ...]] = []
        for parts in level:
            for entry in _entries(os.path.join(tree.manifests, *parts)):
                wanted = entry.is_file(follow_symlinks=False) if depth == 3 else entry.is_dir(follow_symlinks=False)
                if wanted:
                    deeper.append((*parts, entry.name))
        level = deeper
    for parts in level:
        try:
            names.append(from_parts(parts))
        except InvalidName:
            continue
    return tuple(sorted(names, key=lambda name: name.key))


def _entries(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _real_directories(tree: ModelTree, name: ModelName) -> bool:
    path = tree.manifests
    for part in ("", *name.parts[:3]):
        path = os.path.join(path, part) if part else path
        found = lstat(path)
        if found is None or not stat.S_ISDIR(found.st_mode):
            return False
    return True
