# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of receipts: appended to as blobs are verified, so that a kill loses no more than the blob in hand."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager

from ..core.receipts import Receipt, Stamp, parse_line
from .files import NotAFile, lstat, open_plain, os_errors, require_directory, write_all, write_beside
from .layout import StorePaths
from .locking import locked

#: A store of a million blobs has a journal of this size; a longer file is not ours.
_LIMIT = 1 << 30
#: No line of ours is longer; of a longer one the pieces are no receipts.
_LINE = 1024


def stamp(found: os.stat_result) -> Stamp:
    return Stamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def stamp_of(path: str) -> Stamp | None:
    """``None`` when nothing is there. The caller knows already that it is a plain file."""
    found = lstat(path)
    return stamp(found) if found is not None else None


class ReceiptFile:
    """The receipts of one store."""

    def __init__(self, paths: StorePaths) -> None:
        self._paths = paths

    def load(self) -> dict[str, Receipt]:
        """The last receipt of each digest; empty when there is no journal."""
        with os_errors("read", self._paths.receipts):
            try:
                fd = open_plain(self._paths.receipts)
            except (FileNotFoundError, NotADirectoryError, NotAFile):
                return {}
            with os.fdopen(fd, encoding="utf-8", errors="replace") as file:
                if os.fstat(fd).st_size > _LIMIT:
                    return {}
                lines = iter(lambda: file.readline(_LINE), "")
                found = (parse_line(line) for line in lines if len(line) < _LINE)
                return {receipt.digest: receipt for receipt in found if receipt is not None}

    def append(self, receipts: Iterable[Receipt]) -> None:
        """Add lines and sync them. A torn last line of a killed run is ended first, so that it spoils none of ours."""
        text = "".join(receipt.line() for receipt in receipts).encode()
        if not text:
            return
        with self._guard(), os_errors("write", self._paths.receipts):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(self._paths.receipts, flags, 0o600)
            try:
                size = os.fstat(fd).st_size
                torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
                write_all(fd, b"\n" + text if torn else text)
                os.fsync(fd)
            finally:
                os.close(fd)

    def compact(self, digests: Container[str]) -> None:
        """Replace the journal, in one step, by the last receipt of each of these digests. Read under the guard: what
        another process has appended by now stays."""
        with self._guard(), os_errors("write", self._paths.receipts):
            kept = (receipt for receipt in self.load().values() if receipt.digest in digests)
            write_beside(self._paths.receipts, "".join(receipt.line() for receipt in kept).encode(), 0o600)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        require_directory(self._paths.private)
        with locked(self._paths.receipts_guard):
            yield
