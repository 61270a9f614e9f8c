# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The good copy of one blob as it grows in staging: hashed on the way, resumed where it was, named when it is whole."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from types import TracebackType

from ..core.digests import blob_file, digest_of_blob_file
from ..core.errors import CorralError
from ..core.manifests import Blob
from .files import fsync_dir, lstat, open_plain, os_errors, unlink_if_there, write_all
from .layout import StorePaths
from .staging import make_staging

#: Not a name that a puller takes for one of its own parts.
_SUFFIX = ".repair"
_PIECE = 1024 * 1024


def download_digest(name: str) -> str:
    """The digest of a download's file name, "" for any other name."""
    return digest_of_blob_file(name[: -len(_SUFFIX)]) or "" if name.endswith(_SUFFIX) else ""


def resumable(paths: StorePaths, blob: Blob) -> int:
    """The bytes that an earlier download left; whether they are right comes out at its end."""
    found = lstat(_path(paths, blob))
    usable = found is not None and stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_size <= blob.size
    return found.st_size if found is not None and usable else 0


class Download:
    """Writes at most ``blob.size`` bytes; ``finish`` gives the file its name in staging, or raises digest_mismatch."""

    def __init__(self, paths: StorePaths, blob: Blob) -> None:
        self._paths, self._blob = paths, blob
        self.path = _path(paths, blob)
        self._fd = -1
        self._sha = hashlib.sha256()
        self._offset = self.resumed = 0

    def __enter__(self) -> Download:
        make_staging(self._paths)
        with os_errors("open", self.path):
            found = lstat(self.path)
            if found is not None and (not stat.S_ISREG(found.st_mode) or found.st_nlink > 1):
                unlink_if_there(self.path)
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o600)
            self._take_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._fd)

    @property
    def offset(self) -> int:
        return self._offset

    def filled(self, fill: Callable[[int], object]) -> None:
        """Let ``fill`` write the whole to a descriptor; what it wrote is read again and hashed."""
        self.restart()
        fill(self._fd)
        self._take_up()

    def link(self, path: str) -> bool:
        """Become a further name of that file, and hash it. False where the file system cannot do it."""
        between = f"{self.path}.link"
        with os_errors("link", path):
            unlink_if_there(between)
            try:
                os.link(path, between, follow_symlinks=False)
            except OSError as error:
                if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK):
                    return False
                raise
            os.rename(between, self.path)
            os.close(self._fd)
            self._fd = open_plain(self.path)
            self._sha, self._offset = hashlib.sha256(), 0
            self._take_up()
        return True

    def write(self, piece: bytes) -> None:
        if self._offset + len(piece) > self._blob.size:
            raise CorralError(
                f"More than {self._blob.size} bytes came for {self._blob.digest}.", kind="digest_mismatch"
            )
        with os_errors("write", self.path):
            write_all(self._fd, piece)
        self._sha.update(piece)
        self._offset += len(piece)

    def restart(self) -> None:
        """What came so far is worth nothing."""
        with os_errors("truncate", self.path):
            os.ftruncate(self._fd, 0)
            os.lseek(self._fd, 0, os.SEEK_SET)
        self._sha, self._offset, self.resumed = hashlib.sha256(), 0, 0

    def drop(self) -> None:
        """Give the room back: on a full disk, and when the bytes were wrong."""
        with os_errors("remove", self.path):
            unlink_if_there(self.path)

    def finish(self) -> str:
        """The path of the whole, hashed and synced copy in staging."""
        found = self._sha.hexdigest()
        if self._offset != self._blob.size or found != self._blob.digest:
            self.drop()
            raise CorralError(
                f"What came for the blob {self._blob.digest} hashes to {found}.",
                kind="digest_mismatch",
                remedy="The source, or the disk of the store, is at fault.",
                digest=self._blob.digest,
                found=found,
            )
        target = self._paths.staging.blob(self._blob.digest)
        with os_errors("sync", self.path):
            os.fchmod(self._fd, 0o644)
            os.fsync(self._fd)
            os.rename(self.path, target)
            fsync_dir(self._paths.staging.blobs)
        return target

    def _take_up(self) -> None:
        size = os.fstat(self._fd).st_size
        if size > self._blob.size:
            self.restart()
            return
        while self._offset < size:
            piece = os.pread(self._fd, _PIECE, self._offset)
            if not piece:
                break
            self._sha.update(piece)
            self._offset += len(piece)
        os.lseek(self._fd, self._offset, os.SEEK_SET)
        self.resumed = self._offset


def _path(paths: StorePaths, blob: Blob) -> str:
    return os.path.join(paths.staging.blobs, blob_file(blob.digest) + _SUFFIX)
