# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing a bundle: every blob is hashed while it is written, the file gets its name last. The same models give the
same bytes, so nothing in it says when, by whom or on which host it was made."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from ..core.bundle_index import INDEX_MEMBER, LAYOUT, LAYOUT_MEMBER, Entry, blob_member, in_order, index_bytes
from ..core.digests import sha256_bytes
from ..core.errors import CorralError
from ..core.manifests import Blob, Manifest
from ..core.names import ModelName
from .bundles import PIECE, checksum_path, checksum_text
from .files import NotAFile, fsync_dir, open_plain, os_errors, unlink_if_there, write_all, write_beside
from .layout import ModelTree
from .reading import stored_model
from .residency import Residency
from .tar_members import BLOCK, padded

_RECORD = tarfile.RECORDSIZE


@dataclass(frozen=True)
class Chosen:
    """A model to export, as it was read from the store."""

    name: ModelName
    raw: bytes
    manifest: Manifest

    @property
    def entry(self) -> Entry:
        return Entry(self.name, self.manifest.digest, self.manifest.size)


@dataclass(frozen=True)
class Written:
    """Both digests are 64 hex; ``size`` is that of the file."""

    index_digest: str
    file_digest: str
    size: int


def index_of(models: Sequence[Chosen]) -> bytes:
    return index_bytes(model.entry for model in models)


def contents(models: Sequence[Chosen]) -> tuple[Blob, ...]:
    """The blobs of a bundle of these models, manifests included, in its order."""
    return in_order([(model.entry, model.manifest) for model in models])


def bundle_size(models: Sequence[Chosen]) -> int:
    """The exact size of the file, known before a byte of it is written."""
    documents = ((LAYOUT_MEMBER, len(LAYOUT)), (INDEX_MEMBER, len(index_of(models))))
    blobs = ((blob_member(blob.digest), blob.size) for blob in contents(models))
    size = sum(len(_header(name, size)) + padded(size) for name, size in (*documents, *blobs)) + 2 * BLOCK
    return -(-size // _RECORD) * _RECORD


def write_bundle(
    tree: ModelTree, models: Sequence[Chosen], path: str, on_bytes: Callable[[int], None] | None = None
) -> Written:
    """Write the bundle and the digests beside it. Raises ``store_damaged`` for a blob that is not what its name says,
    ``store_changed`` when a model was changed meanwhile; then, as after a full disk, ``path`` is as it was."""
    with _unfinished(path) as fd:
        with os_errors("write", f"{path}.partial"), _Tar(fd, on_bytes) as tar:
            _write_members(tar, tree, models)
            size, file_digest = tar.end()
            os.fsync(fd)
        for model in models:
            _require_unchanged(tree, model)
        written = Written(sha256_bytes(index_of(models)), file_digest, size)
        with os_errors("write", path):
            # the digests of an older bundle must not lie beside the new one; none at all is only a warning
            unlink_if_there(checksum_path(path))
            os.rename(f"{path}.partial", path)
            write_beside(checksum_path(path), checksum_text(path, written.index_digest, file_digest))
            fsync_dir(os.path.dirname(path))
    return written


def _write_members(tar: _Tar, tree: ModelTree, models: Sequence[Chosen]) -> None:
    tar.add(LAYOUT_MEMBER, LAYOUT)
    tar.add(INDEX_MEMBER, index_of(models))
    manifests = {model.manifest.digest: model.raw for model in models}
    users: dict[str, list[str]] = {}
    for model in models:
        for blob in model.manifest.blobs:
            users.setdefault(blob.digest, []).append(model.name.display)
    for blob in contents(models):
        if blob.digest in manifests:
            tar.add(blob_member(blob.digest), manifests[blob.digest])
        else:
            _add_blob(tar, tree.blob(blob.digest), blob, users[blob.digest])


def _add_blob(tar: _Tar, path: str, blob: Blob, models: list[str]) -> None:
    try:
        fd = open_plain(path)
    except (FileNotFoundError, NotAFile):
        raise _damaged(path, blob, models, "it is missing, or no plain file") from None
    try:
        found = os.fstat(fd)
        if found.st_size != blob.size:
            raise _damaged(path, blob, models, f"it has {found.st_size} bytes, not {blob.size}")
        digest = tar.copy(blob_member(blob.digest), fd, found)
    finally:
        os.close(fd)
    if digest != blob.digest:
        raise _damaged(path, blob, models, f"it hashes to {digest or 'nothing, as it was cut off'}")


def _require_unchanged(tree: ModelTree, model: Chosen) -> None:
    now = stored_model(tree, model.name)
    if now is None or now.raw != model.raw:
        raise CorralError(
            f"{model.name.display} was changed in {tree.root} while it was exported. No bundle was written.",
            kind="store_changed",
            remedy="Run it again when no other job changes the store.",
            model=model.name.display,
        )


def _damaged(path: str, blob: Blob, models: list[str], problem: str) -> CorralError:
    return CorralError(
        f"The blob {blob.digest} of {', '.join(models)} cannot be exported: {problem} ({path}). No bundle was written.",
        kind="store_damaged",
        remedy="See what is damaged with corral.ollama.digest_check, have it repaired, and export again.",
        path=path,
        digest=blob.digest,
        models=models,
    )


@contextmanager
def _unfinished(path: str) -> Iterator[int]:
    """``<path>.partial``, empty, ours alone, and gone again unless it was renamed."""
    partial = f"{path}.partial"
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os_errors("write", partial):
        fd = os.open(partial, flags, 0o644)
    try:
        with os_errors("write", partial):
            _take(fd, partial)
        try:
            yield fd
        except BaseException:
            unlink_if_there(partial)
            raise
    finally:
        os.close(fd)


def _take(fd: int, partial: str) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # whoever had it may have renamed it before we had the lock: then this is a finished bundle
        same = os.path.samestat(os.fstat(fd), os.lstat(partial))
    except (BlockingIOError, FileNotFoundError):
        same = False
    if not same:
        raise CorralError(
            f"Another process writes {partial}.",
            kind="bundle_busy",
            remedy=f"Wait for it, or see which one it is with: fuser -v {partial}",
            path=partial,
        )
    os.ftruncate(fd, 0)
    os.fchmod(fd, 0o644)


class _Tar:
    """Members one after another, the whole file hashed in a second thread meanwhile."""

    def __init__(self, fd: int, on_bytes: Callable[[int], None] | None) -> None:
        self._fd, self._on_bytes = fd, on_bytes
        self._whole, self._size = hashlib.sha256(), 0
        self._pool = ThreadPoolExecutor(1, "hash")
        self._last: Future[None] | None = None

    def __enter__(self) -> _Tar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    def add(self, name: str, data: bytes) -> None:
        self._put(_header(name, len(data)))
        self._put(data)
        self._put(bytes(padded(len(data)) - len(data)))

    def copy(self, name: str, fd: int, found: os.stat_result) -> str:
        """The digest of what was copied; "" when the file was shorter than it was when it was opened."""
        sha, residency, offset = hashlib.sha256(), Residency(fd, found), 0
        self._put(_header(name, found.st_size))
        while offset < found.st_size:
            end = min(offset + PIECE, found.st_size)
            absent = residency.absent(offset // PIECE * PIECE, end)
            piece = os.pread(fd, end - offset, offset)
            if not piece:
                return ""
            self._put(piece)
            sha.update(piece)
            offset += len(piece)
            for start, length in absent:
                os.posix_fadvise(fd, start, length, os.POSIX_FADV_DONTNEED)
            if self._on_bytes is not None:
                self._on_bytes(len(piece))
        self._put(bytes(padded(offset) - offset))
        return sha.hexdigest()

    def end(self) -> tuple[int, str]:
        """The end mark; then the size and the digest of the file."""
        self._put(bytes(2 * BLOCK))
        self._put(bytes(-self._size % _RECORD))
        self._pool.shutdown()
        return self._size, self._whole.hexdigest()

    def _put(self, data: bytes) -> None:
        if self._last is not None:
            # no more than one piece is kept for the hashing
            self._last.result()
        self._last = self._pool.submit(self._whole.update, data)
        self._size += len(data)
        write_all(self._fd, data)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o644, 0
    # beyond 8 GiB a size needs an extended header, which this adds
    return info.tobuf(tarfile.PAX_FORMAT)
