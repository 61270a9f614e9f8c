# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of a merge: blobs are read once and placed as each ends, and manifests come after all blobs.

A kill loses the blobs in hand and nothing else: what has its place has its receipt, and the next run goes on there.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType

from ..core.digests import sha256_bytes
from ..core.manifests import MAX_MANIFEST_BYTES, Blob
from ..core.merge import PUBLISH, STORE, Copy, Decision, Model, decide
from ..core.receipts import Receipt
from .carrying import COPY, KEEP, LINK, REFLINK, Fetched, Moved, fetch, link_between
from .files import NotAFile, fsync_dir, os_errors, read_plain
from .hashing import usable_cpus, window_size
from .layout import StorePaths
from .lease import LeaseFile
from .merge_known import Known
from .placing import place_file, place_manifest
from .receipts import ReceiptFile, stamp_of

_LOOK = 0.25
_NO_LINKS = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP)
_READABLE = 0o444


class Merger:
    """Writes to the store, under the lease only. ``tick(bytes done)`` is called every quarter of a second."""

    def __init__(
        self, paths: StorePaths, known: Known, lease: LeaseFile, token: str, threads: int, tick: Callable[[int], None]
    ) -> None:
        self._paths, self._known, self._lease, self._token = paths, known, lease, token
        count = max(1, min(threads or usable_cpus(), 32))
        self._window, self._pool = window_size(count), ThreadPoolExecutor(count, "merge")
        self._cancel, self._lock, self._done, self._tick = threading.Event(), threading.Lock(), 0, tick
        self._receipts = ReceiptFile(paths)
        self.placed = {LINK: 0, REFLINK: 0, COPY: 0}
        self.published = 0

    def __enter__(self) -> Merger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancel.set()
        self._pool.shutdown()

    def bring(self, models: Sequence[Model]) -> list[Decision]:
        """Blobs of the best whole choice of every model; a choice that turns out damaged gives way to the next."""
        while True:
            decisions = [decide(model, self._known.trouble) for model in models]
            open_ones = needed(decisions, self._known)
            if not open_ones:
                return decisions
            self._settle(open_ones)

    def publish(self, decision: Decision) -> Decision:
        """The manifest, when all its blobs are there. Changed meanwhile, it is not what was decided on."""
        copy = decision.copy
        if copy is None or decision.action != PUBLISH:
            return decision
        raw = self._read(copy)
        if sha256_bytes(raw) != copy.manifest.digest:
            return Decision(decision.model, None, (), "its manifest was changed while it was merged")
        with self._lease.writing(self._token), os_errors("publish in", self._paths.root):
            place_manifest(self._paths, self._paths.existing(copy.name), raw, copy.modified_ns)
        self.published += 1
        return decision

    def _read(self, copy: Copy) -> bytes:
        path = self._known.trees[copy.tree].tree.manifest(copy.name)
        try:
            return read_plain(path, MAX_MANIFEST_BYTES)
        except (OSError, NotAFile):
            return b""

    def _settle(self, blobs: Iterable[Blob]) -> None:
        pending: dict[Future[Fetched], Blob] = {}
        for blob in sorted(blobs, key=lambda one: one.size, reverse=True):
            self._submit(blob, pending)
        while pending:
            done = wait(pending, _LOOK, FIRST_COMPLETED).done
            self._tick(self._done)
            if not done:
                continue
            finished = [(pending.pop(future), future.result()) for future in done]
            self._finish([fetched for _blob, fetched in finished])
            for blob, _fetched in finished:
                self._submit(blob, pending)

    def _submit(self, blob: Blob, pending: dict[Future[Fetched], Blob]) -> None:
        job = None if self._known.has(blob) else next(self._known.jobs(blob), None)
        if job is not None:
            future = self._pool.submit(fetch, job, self._paths, self._window, self._cancel, self._count)
            pending[future] = blob

    def _finish(self, every: Sequence[Fetched]) -> None:
        bad = 0
        good: list[Fetched] = []
        with self._lease.writing(self._token), os_errors("place blobs in", self._paths.blobs):
            for fetched in every:
                problem = fetched.problem or self._place(fetched)
                if problem:
                    self._known.condemn(fetched, problem)
                    bad += 1
                elif fetched.method == KEEP or self._known.has(fetched.job.blob):
                    good.append(fetched)
            fsync_dir(self._paths.blobs)
            if bad:
                self._known.save()
        self._receipts.append(receipt for one in every for receipt in self._receipt(one, one in good))

    def _place(self, fetched: Fetched) -> str:
        """What is wrong with it after all, "" for nothing. Where links do not work it is left to a second try."""
        job = fetched.job
        stored = self._paths.blob(job.blob.digest)
        if fetched.method == KEEP:
            if os.lstat(stored).st_mode & _READABLE != _READABLE:
                os.chmod(stored, 0o644)
        else:
            between = fetched.between
            try:
                between = between or link_between(self._paths, fetched)
            except Moved:
                return "it was changed after it was hashed"
            except OSError as error:
                if error.errno not in _NO_LINKS:
                    raise
                self._known.no_links(job, error.errno == errno.EXDEV)
                return ""
            place_file(self._paths, between, job.blob.digest)
            self.placed[fetched.method] += job.blob.size
        self._known.settle(job.blob)
        return ""

    def _receipt(self, fetched: Fetched, good: bool) -> Iterable[Receipt]:
        """For the store's file: what was placed, or what was found bad where it lay."""
        job, stamp = fetched.job, stamp_of(self._paths.blob(fetched.job.blob.digest))
        if stamp is None or not (good or (job.tree == STORE and fetched.method == KEEP and fetched.found)):
            return ()
        return (Receipt(job.blob.digest, fetched.found, stamp, time.time()),)

    def _count(self, size: int) -> None:
        with self._lock:
            self._done += size


def needed(decisions: Iterable[Decision], known: Known) -> tuple[Blob, ...]:
    """Blobs to read: of what is to be in the store, and what there is of declared models that lack something: it spares
    the pull that has to follow."""
    found: dict[tuple[str, int], Blob] = {}
    for decision in decisions:
        copy = decision.copy or (decision.best if decision.model.declared else None)
        for blob in copy.manifest.blobs if copy else ():
            if not known.has(blob) and not known.trouble(blob):
                found[(blob.digest, blob.size)] = Blob(blob.digest, blob.size)
    return tuple(found.values())
