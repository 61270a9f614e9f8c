# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about the blobs of several trees without reading them: by name, by size, and from earlier readings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from ..core.manifests import Blob
from ..core.merge import STORE
from ..core.receipts import Receipt, Stamp
from .carrying import COPY, KEEP, LINK, Fetched, Job
from .files import NotAFile, read_plain, write_beside
from .inventory import Inventory
from .layout import StorePaths
from .receipts import ReceiptFile, stamp_of

_LIMIT = 16 * 1024 * 1024
Bad = tuple[str, int, int, int]


class Known:
    """``trees[0]`` is the store. ``good`` are blobs that lie in the store and were verified, in this run or before."""

    def __init__(self, paths: StorePaths, trees: Sequence[Inventory]) -> None:
        self._paths, self.trees = paths, trees
        self.good: dict[str, int] = {}
        self._bad: dict[Bad, str] = _load(paths)
        self._far = {number for number, tree in enumerate(trees) if tree.device != trees[STORE].device}
        self._unlinkable: set[tuple[int, str]] = set()
        self._read_receipts(ReceiptFile(paths).load())

    def has(self, blob: Blob) -> bool:
        return self.good.get(blob.digest) == blob.size

    def trouble(self, blob: Blob) -> str:
        """Why there is no copy that may be good; empty when there is one."""
        if self.has(blob) or next(self.jobs(blob), None):
            return ""
        said = []
        for tree in self.trees:
            problem = self._problem_in(tree, blob)
            if problem:
                said.append(f"in {tree.name} {problem}")
        return "; ".join(said) or "is in no source"

    def jobs(self, blob: Blob) -> Iterator[Job]:
        """Copies to try, the store's own first, then those that need no second copy."""
        order = sorted(range(len(self.trees)), key=lambda number: (number != STORE, number in self._far, number))
        for number in order:
            tree = self.trees[number]
            for path in tree.paths_of(blob.digest):
                stamp = self._stamp(tree, blob.digest, path)
                if stamp is None or stamp.size != blob.size or _key(blob.digest, stamp) in self._bad:
                    continue
                named = number == STORE and path == tree.tree.blob(blob.digest)
                far = number in self._far or (number, blob.digest) in self._unlinkable
                yield Job(blob, number, path, KEEP if named else COPY if far else LINK)

    def settle(self, blob: Blob) -> None:
        self.good[blob.digest] = blob.size

    def no_links(self, job: Job, everywhere: bool) -> None:
        """Hard links from that tree do not work, or not to that file."""
        self._unlinkable.add((job.tree, job.blob.digest))
        if everywhere:
            self._far.add(job.tree)

    def condemn(self, fetched: Fetched, problem: str) -> None:
        job = fetched.job
        stamp = self._stamp(self.trees[job.tree], job.blob.digest, job.path)
        if stamp is not None:
            self._bad[_key(job.blob.digest, stamp)] = problem

    def save(self) -> None:
        """Under ``LeaseFile.writing``."""
        rows = [[*key, problem] for key, problem in self._bad.items()]
        write_beside(self._paths.merge_notes, json.dumps({"schema": 1, "bad": rows}).encode(), 0o600)

    def damaged(self, number: int) -> list[dict[str, object]]:
        """Blobs of a tree that its manifests name, and that are known not to be what they should."""
        tree = self.trees[number]
        named = {blob.digest: blob for model in tree.seen.models if model.manifest for blob in model.manifest.blobs}
        found = ((blob, self._problem_in(tree, blob)) for blob in named.values())
        return [{"digest": blob.digest, "problem": problem} for blob, problem in found if problem]

    def _problem_in(self, tree: Inventory, blob: Blob) -> str:
        seen = tree.seen.blobs.get(blob.digest)
        if seen is None:
            return ""
        if seen.problem:
            return seen.problem
        if seen.size != blob.size:
            return f"it has {seen.size} bytes, not {blob.size}"
        return self._bad.get(_key(blob.digest, seen.stamp), "") if seen.stamp else ""

    def _stamp(self, tree: Inventory, digest: str, path: str) -> Stamp | None:
        """As it was when the tree was looked at: a file that changed since then is not what was judged."""
        seen = tree.seen.blobs.get(digest)
        return seen.stamp if seen is not None and path == tree.tree.blob(digest) else stamp_of(path)

    def _read_receipts(self, receipts: dict[str, Receipt]) -> None:
        for digest, receipt in receipts.items():
            seen = self.trees[STORE].seen.blobs.get(digest)
            if seen is None or seen.stamp is None or not receipt.matches(seen.stamp):
                continue
            if receipt.ok:
                self.good[digest] = seen.size
            else:
                self._bad[_key(digest, seen.stamp)] = f"it hashes to {receipt.found[:12]}"


def _key(digest: str, stamp: Stamp) -> Bad:
    return (digest, stamp.inode, stamp.size, stamp.mtime_ns)


def _load(paths: StorePaths) -> dict[Bad, str]:
    """A file that is not ours costs a second reading, nothing else."""
    try:
        told = json.loads(read_plain(paths.merge_notes, _LIMIT))
        rows = told["bad"]
        return {(str(row[0]), int(row[1]), int(row[2]), int(row[3])): str(row[4]) for row in rows}
    except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError, NotAFile):
        return {}
