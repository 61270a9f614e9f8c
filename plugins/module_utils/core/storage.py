# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store takes on its disk, and for what: real bytes, counted once, per model and per instance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .prune_plan import PARTIAL, QUARANTINE, STAGED, STRAY, TEMP, Item
from .references import References

SCHEMA = 1


@dataclass(frozen=True)
class BlobUse:
    """A blob's inode and the bytes that it takes."""

    inode: int
    bytes: int


@dataclass(frozen=True)
class Found:
    """``tree_bytes``: everything below the store. ``rest``: what is no blob. ``instances``: data volumes by name."""

    tree_bytes: int
    blobs: Mapping[str, BlobUse]
    references: References
    rest: Sequence[Item] = ()
    instances: Mapping[str, int] | None = None
    complete: bool = True


def storage_report(found: Found, now: float, quarantine_age: float) -> dict[str, Any]:
    """The dictionary ``storage`` but for the space of the file system."""
    users = _users(found.references)
    used = {digest: blob for digest, blob in found.blobs.items() if digest in users}
    held = _sum(used.values())
    shared = _sum(blob for digest, blob in used.items() if len(users[digest]) > 1)
    orphans = _sum(blob for digest, blob in found.blobs.items() if digest not in users)
    inodes = {blob.inode for blob in found.blobs.values()}
    by_kind = {kind: _item_bytes(found.rest, kind, inodes) for kind in (PARTIAL, STAGED, TEMP, QUARANTINE, STRAY)}
    old = [one for one in found.rest if one.kind == QUARANTINE and not one.keep and _older(one, now, quarantine_age)]
    reclaimable = orphans + by_kind[PARTIAL] + by_kind[STAGED] + by_kind[TEMP] + _item_bytes(old, QUARANTINE, inodes)
    copies = len(found.instances or {})
    return {
        "schema": SCHEMA,
        "bytes": found.tree_bytes,
        "models": len({one.key for one in found.references.manifests}),
        "blobs": len(found.blobs),
        "model_bytes": held,
        "unique_bytes_by_model": _unique(found, users),
        "shared_bytes": shared,
        "copies": copies,
        "saved_against_copies": held * max(0, copies - 1),
        "reclaimable": reclaimable,
        "orphan_bytes": orphans,
        "partial_bytes": by_kind[PARTIAL] + by_kind[TEMP],
        "staging_bytes": by_kind[STAGED],
        "quarantine_bytes": by_kind[QUARANTINE],
        "unknown_bytes": by_kind[STRAY],
        "instances": [{"name": name, "bytes": size} for name, size in (found.instances or {}).items()],
        "complete": found.complete,
        # one file that cannot be read makes every number of unused bytes a guess
        "unreadable": len(found.references.blockers),
    }


def _users(references: References) -> dict[str, set[tuple[str, ...]]]:
    users: dict[str, set[tuple[str, ...]]] = {}
    for one in references.manifests:
        for digest in one.blobs:
            users.setdefault(digest, set()).add(one.key)
    return users


def _unique(found: Found, users: Mapping[str, set[tuple[str, ...]]]) -> dict[str, int]:
    """Bytes that would come free, later, if this model alone were removed."""
    unique: dict[str, int] = {}
    for one in found.references.manifests:
        own = (found.blobs[digest] for digest in one.blobs if digest in found.blobs and len(users[digest]) == 1)
        unique[one.display or one.path] = _sum(own)
    return dict(sorted(unique.items()))


def _sum(blobs: Iterable[BlobUse]) -> int:
    return sum({blob.inode: blob.bytes for blob in blobs}.values())


def _item_bytes(items: Iterable[Item], kind: str, elsewhere: set[int]) -> int:
    """Without what is linked to a blob: removing that link frees nothing."""
    files = {file.inode: file.bytes for item in items if item.kind == kind for file in item.files}
    return sum(size for inode, size in files.items() if inode not in elsewhere)


def _older(item: Item, now: float, age: float) -> bool:
    return item.since is not None and now - item.since >= age
