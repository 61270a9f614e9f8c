# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One blob as it grows in staging out of order: pieces from several sources at the same time, remembered as they come,
hashed in their order as soon as there is no gap before them, and named when the whole is right.

A journal beside the file says which pieces are there, so that a killed run goes on. What it says is not believed
either: in the end the whole file has to hash to the blob's digest.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Iterable
from types import TracebackType

from ..core.digests import blob_file
from ..core.manifests import Blob
from .files import lstat, os_errors, read_plain, unlink_if_there, write_all
from .hashing import Hashed, identity
from .layout import StorePaths
from .partials import FETCH, FETCH_JOURNAL
from .staging import make_staging

PIECE = 16 * 1024 * 1024
_READ = 1024 * 1024
_JOURNAL_LIMIT = 64 * 1024 * 1024

Claim = tuple[int, int]
"""Bytes from where up to where."""


def room_taken(paths: StorePaths, blob: Blob) -> int:
    """Bytes on the disk of what an earlier run has left of the blob."""
    found = lstat(os.path.join(paths.staging.blobs, blob_file(blob.digest) + FETCH))
    return min(blob.size, found.st_blocks * 512) if found is not None and stat.S_ISREG(found.st_mode) else 0


class PieceFile:
    """Threads claim ranges, write them, and give back what they could not get. ``finish`` says how it hashed."""

    def __init__(self, paths: StorePaths, blob: Blob, piece: int = 0) -> None:
        self._paths, self._blob, self._piece = paths, blob, piece or PIECE
        stem = os.path.join(paths.staging.blobs, blob_file(blob.digest))
        self.path, self._journal_path = stem + FETCH, stem + FETCH_JOURNAL
        self._count = -(-blob.size // self._piece)
        self._fd = self._journal = -1
        self._lock, self._hashing = threading.Lock(), threading.Lock()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._sha, self._hashed = hashlib.sha256(), 0
        self._done: set[int] = set()
        self._free = list(range(self._count))
        #: Who gave which piece; those of an earlier run are nobody's.
        self.giver: dict[int, str] = {}
        self.resumed = 0

    def __enter__(self) -> PieceFile:
        make_staging(self._paths)
        with os_errors("open", self.path):
            for path in (self.path, self._journal_path):
                found = lstat(path)
                if found is not None and (not stat.S_ISREG(found.st_mode) or found.st_nlink > 1):
                    unlink_if_there(path)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o600)
            self._journal = os.open(self._journal_path, flags | os.O_APPEND, 0o600)
            self._take_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._journal)
        os.close(self._fd)

    def claim(self, pieces: int = 1) -> Claim | None:
        """The next bytes that nobody has, at most so many pieces in a row; ``None`` when all are taken."""
        with self._lock:
            if not self._free:
                return None
            first = last = self._free.pop(0)
            while self._free and self._free[0] == last + 1 and last - first + 1 < pieces:
                last = self._free.pop(0)
        return first * self._piece, min((last + 1) * self._piece, self._blob.size)

    def give_back(self, claim: Claim) -> None:
        """Others may try what is not there of it."""
        with self._lock:
            missing = [number for number in self._numbers(claim) if number not in self._done]
            self._free = sorted({*self._free, *missing})

    @property
    def complete(self) -> bool:
        with self._lock:
            return len(self._done) == self._count

    def write(self, offset: int, data: bytes) -> None:
        with os_errors("write", self.path), memoryview(data) as view:
            done = 0
            while done < len(view):
                done += os.pwrite(self._fd, view[done:], offset + done)

    def has(self, claim: Claim, until: int, giver: str) -> None:
        """The claim's bytes before ``until`` are written: whole pieces among them are noted, and hashed if it is their
        turn."""
        fresh = [
            number
            for number in self._numbers((claim[0], until))
            if min((number + 1) * self._piece, self._blob.size) <= until
        ]
        with self._lock:
            fresh = [number for number in fresh if number not in self._done]
            self._done.update(fresh)
            self.giver.update(dict.fromkeys(fresh, giver))
        if fresh:
            with os_errors("write", self._journal_path):
                write_all(self._journal, "".join(f"{number}\n" for number in fresh).encode())
            self._hash_on()

    def restart(self) -> None:
        """What came so far is worth nothing."""
        with os_errors("truncate", self.path):
            for fd in (self._fd, self._journal):
                os.ftruncate(fd, 0)
            self._begin_anew()
            self._note_size()

    def drop(self) -> None:
        """Give the room back."""
        with os_errors("remove", self.path):
            unlink_if_there(self.path)
            unlink_if_there(self._journal_path)

    def drop_journal(self) -> None:
        with os_errors("remove", self._journal_path):
            unlink_if_there(self._journal_path)

    def finish(self) -> Hashed:
        """Waits for the hash of all that is there; the file is synced and may be named after it."""
        self._hash_on(wait=True)
        with os_errors("sync", self.path):
            os.ftruncate(self._fd, self._blob.size)
            os.fchmod(self._fd, 0o644)
            os.fsync(self._fd)
            found = os.fstat(self._fd)
        problem = "" if self._hashed == self._count else "pieces of it are missing"
        return Hashed(self.path, self._sha.hexdigest(), found.st_size, identity(found), problem)

    def piece_digests(self) -> dict[int, str]:
        """Of each piece by itself, to find out later which of them were wrong."""
        return {number: hashlib.sha256(b"".join(self._read(number))).hexdigest() for number in sorted(self._done)}

    def _numbers(self, claim: Claim) -> range:
        return range(claim[0] // self._piece, -(-claim[1] // self._piece))

    def _hash_on(self, wait: bool = False) -> None:
        """One thread hashes, and the others go on fetching: whoever comes after it takes what it has not seen."""
        while self._hashing.acquire(blocking=wait):
            try:
                while self._hashed in self._done:
                    for part in self._read(self._hashed):
                        self._sha.update(part)
                    self._hashed += 1
            finally:
                self._hashing.release()
            if self._hashed not in self._done:
                return

    def _read(self, number: int) -> Iterable[bytes]:
        offset, stop = number * self._piece, min((number + 1) * self._piece, self._blob.size)
        while offset < stop:
            with os_errors("read", self.path):
                part = os.pread(self._fd, min(_READ, stop - offset), offset)
            if not part:
                # shorter than the journal says: the hash will be another one
                return
            offset += len(part)
            yield part

    @property
    def _head(self) -> str:
        return f"corral-pieces 1 {self._blob.size} {self._piece}"

    def _note_size(self) -> None:
        write_all(self._journal, f"{self._head}\n".encode())

    def _take_up(self) -> None:
        lines = read_plain(self._journal_path, _JOURNAL_LIMIT).decode("ascii", "replace").split("\n")
        if lines[0] != self._head or os.fstat(self._fd).st_size > self._blob.size:
            self.restart()
            return
        # the last line may be torn: it ends with a newline, or does not count
        numbers = {int(line) for line in lines[1:-1] if line.isdigit() and len(line) < 12}
        self._done = {number for number in numbers if number < self._count}
        self._free = [number for number in range(self._count) if number not in self._done]
        self.resumed = sum(min(self._piece, self._blob.size - number * self._piece) for number in self._done)
        if lines[-1]:
            # not only a newline: half of a number is a number
            write_all(self._journal, b"x\n")
        self._hash_on()
