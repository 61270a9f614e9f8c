# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tree of models holds, for whoever merges it: any directory, also one that a server never wrote a model to."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..core.digests import digest_of_blob_file
from ..core.errors import CorralError
from ..core.store_verdict import Seen
from .files import is_plain_file, lstat, os_errors, what_is
from .layout import ModelTree
from .quarantine import REASON
from .scan import look

PARTIAL = re.compile(r"sha256-[0-9a-f]{64}-partial(-[0-9]{1,9})?|sha256-[0-9a-f]{64}\.tmp")
_DEEP = 16
Place = tuple[int, int]


@dataclass(frozen=True)
class Inventory:
    """``device``: of the directory that blobs lie in. ``usage``: bytes on the disk by inode, so that hard links count
    once; ``partials`` the same for what pulls left. ``old_names``: blobs as servers before 0.1.38 named them."""

    name: str
    tree: ModelTree
    seen: Seen
    device: int
    place: Place
    usage: Mapping[Place, int] = field(default_factory=dict)
    partials: Mapping[Place, int] = field(default_factory=dict)
    old_names: Mapping[str, str] = field(default_factory=dict)

    def paths_of(self, digest: str) -> tuple[str, ...]:
        """Where the tree may have a blob: plain files that are named after it."""
        found = self.seen.blobs.get(digest)
        named = (self.tree.blob(digest),) if found is not None and not found.problem else ()
        return (*named, *((self.old_names[digest],) if digest in self.old_names else ()))


def inventory(name: str, tree: ModelTree, must_exist: bool = True) -> Inventory:
    """Reads names, sizes and manifests; raises ``source_missing`` when there is no such directory."""
    found = lstat(tree.root)
    if found is None and not must_exist:
        return Inventory(name, tree, Seen((), {}, ()), _device_above(tree.root), (0, 0))
    if found is None or not stat.S_ISDIR(found.st_mode):
        what = "does not exist" if found is None else f"is {what_is(found.st_mode)}, not a directory"
        raise CorralError(
            f"The source {name} {what}: {tree.root}.",
            kind="source_missing",
            remedy="Give the directory that holds its blobs/ and manifests/, or leave the source out.",
            source=name,
            path=tree.root,
        )
    there = [path for path in (tree.blobs, tree.manifests) if lstat(path) is not None]
    # a server makes blobs/ when it starts, and manifests/ with its first model
    seen = look(tree) if len(there) == 2 else Seen((), {}, ())
    usage: dict[Place, int] = {}
    partials: dict[Place, int] = {}
    for path in there:
        _add_usage(path, usage, partials)
    below = lstat(tree.blobs) or found
    place = (found.st_dev, found.st_ino)
    return Inventory(name, tree, seen, below.st_dev, place, usage, partials, _old_names(tree))


def usage_of(*directories: str) -> dict[Place, int]:
    """Bytes on the disk of all files below, by inode: hard links count once. A quarantine's reasons do not count."""
    usage: dict[Place, int] = {}
    for path in directories:
        _add_usage(path, usage, {})
    return usage


def _add_usage(top: str, usage: dict[Place, int], partials: dict[Place, int]) -> None:
    todo = [(top, 0)]
    while todo:
        folder, depth = todo.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if depth < _DEEP:
                            todo.append((entry.path, depth + 1))
                        continue
                    if entry.name == REASON and depth == 1:
                        continue
                    found = entry.stat(follow_symlinks=False)
                    place, size = (found.st_dev, found.st_ino), found.st_blocks * 512
                    usage[place] = size
                    if PARTIAL.fullmatch(entry.name) and stat.S_ISREG(found.st_mode):
                        partials[place] = size
        except OSError:
            # what cannot be listed is a finding of the look; here it counts as nothing
            continue


def _old_names(tree: ModelTree) -> dict[str, str]:
    found = {}
    with os_errors("look at", tree.blobs):
        for name in os.listdir(tree.blobs) if lstat(tree.blobs) is not None else ():
            digest = digest_of_blob_file(name.replace(":", "-", 1)) if name.startswith("sha256:") else None
            path = os.path.join(tree.blobs, name)
            if digest and is_plain_file(path):
                found[digest] = path
    return found


def _device_above(path: str) -> int:
    """Where a directory that is still to be made will lie."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return os.stat(path).st_dev
