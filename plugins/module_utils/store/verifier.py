# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes made in the background and remembered, so that no file is read twice by one process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from ..core.manifests import Blob
from ..core.receipts import Receipt
from .files import is_plain_file, lstat
from .hashing import Cancelled, Hashed, Identity, hash_file, identity, usable_cpus, window_size
from .receipts import stamp


class Verifier:
    """Start hashing a file as soon as it is complete; ask for the result later. Knows files by what they are, not by
    their path: a hard link of a file that was hashed needs no second reading."""

    def __init__(self, threads: int = 0, now: Callable[[], float] = time.time) -> None:
        self._now = now
        count = max(1, min(threads or usable_cpus(), 32))
        self._window = window_size(count)
        self._pool = ThreadPoolExecutor(count, "hash")
        self._cancel = threading.Event()
        self._lock = threading.Lock()
        self._known: dict[Identity, Future[Hashed]] = {}
        self._read_at: dict[Identity, float] = {}
        self.bytes_hashed = 0

    def __enter__(self) -> Verifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancel.set()
        self._pool.shutdown()

    def start(self, path: str) -> Future[Hashed] | None:
        """Hash it unless that is done or under way; ``None`` when it is no plain file."""
        if not is_plain_file(path):
            return None
        with self._lock:
            key = identity(os.lstat(path))
            if key not in self._known:
                self._known[key] = self._pool.submit(self._hash, path)
            return self._known[key]

    def know(self, hashed: Hashed) -> None:
        """Take over what was hashed elsewhere, such as while a file was written: it is not read again."""
        future: Future[Hashed] = Future()
        future.set_result(hashed)
        with self._lock:
            self._known[hashed.identity] = future

    def believe(self, path: str, receipt: Receipt | None) -> bool:
        """Take a receipt's word when nothing has touched the file since; its time stays that of the reading."""
        found = lstat(path)
        if receipt is None or found is None or not receipt.ok or not receipt.matches(stamp(found)):
            return False
        self._read_at[identity(found)] = receipt.verified_at
        self.know(Hashed(path, receipt.digest, found.st_size, identity(found)))
        return True

    def problem(self, path: str, blob: Blob) -> str:
        """Waits for the hash; empty when the file is exactly the blob, else what is wrong with it."""
        future = self.start(path)
        if future is None:
            return "it is missing"
        hashed = future.result()
        if hashed.problem:
            return hashed.problem
        if hashed.size != blob.size:
            return f"it has {hashed.size} bytes, not {blob.size}"
        if hashed.digest != blob.digest:
            return f"it hashes to {hashed.digest}"
        if identity(os.lstat(path)) != hashed.identity:
            return "it was changed after it was hashed"
        return ""

    def receipt(self, path: str, blob: Blob) -> Receipt | None:
        """For the file as it is now, when it was hashed here and is the blob; waits for nothing."""
        found = lstat(path)
        future = self._known.get(identity(found)) if found is not None else None
        if found is None or future is None or not future.done():
            return None
        hashed = future.result()
        if hashed.problem or (hashed.digest, hashed.size) != (blob.digest, blob.size):
            return None
        return Receipt(blob.digest, blob.digest, stamp(found), self._read_at.get(identity(found), self._now()))

    def _hash(self, path: str) -> Hashed:
        try:
            return hash_file(path, self._window, self._cancel, self._count)
        except Cancelled:
            return Hashed(path, problem="hashing was given up")

    def _count(self, size: int) -> None:
        with self._lock:
            self.bytes_hashed += size
