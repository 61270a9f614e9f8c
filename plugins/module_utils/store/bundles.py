# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a bundle: opened, its documents are validated and every blob is where its index and manifests say. The bytes
of the blobs are hashed when they are copied, and no name in it ever becomes a path."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

from ..core.bundle_index import (
    INDEX_MEMBER,
    LAYOUT_MEMBER,
    MAX_BLOBS,
    MAX_INDEX_BYTES,
    MAX_LAYOUT_BYTES,
    BadBundle,
    Entry,
    check_layout,
    check_members,
    digest_of_member,
    expected_sizes,
    manifest_of,
    parse_index,
)
from ..core.digests import InvalidDigest, parse_digest, sha256_bytes
from ..core.errors import CorralError
from ..core.manifests import Manifest
from ..core.names import ModelName
from .files import NotAFile, lstat, open_plain, os_errors, read_plain, write_all
from .hashing import Hashed, identity
from .residency import Residency
from .tar_members import Member, members

PIECE = 1024 * 1024
_CHECKSUM_LIMIT = 64 * 1024
_INDEX_LINE = "# index.json sha256:"


@dataclass(frozen=True)
class BundleModel:
    """One model of a bundle; its manifest is exactly what the index says."""

    name: ModelName
    manifest: Manifest


class Bundle:
    """An open bundle; use it as a context manager."""

    def __init__(self, path: str, fd: int) -> None:
        self.path, self._fd = path, fd
        found = os.fstat(fd)
        self.size = found.st_size
        self._residency = Residency(fd, found)
        self._blobs: dict[str, Member] = {}
        self._models: tuple[BundleModel, ...] = ()
        self.index = b""

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._fd)

    @property
    def index_digest(self) -> str:
        return sha256_bytes(self.index)

    def models(self) -> tuple[BundleModel, ...]:
        return self._models

    def has(self, digest: str) -> bool:
        return digest in self._blobs

    def raw_manifest(self, model: BundleModel) -> bytes:
        """The manifest's bytes, as they are to be published."""
        raw = self._read(self._blobs[model.manifest.digest], model.manifest.size)
        with _named(self.path):
            manifest_of(Entry(model.name, model.manifest.digest, model.manifest.size), raw)
        return raw

    def copy_blob(self, digest: str, to_fd: int, on_bytes: Callable[[int], None] | None = None) -> Hashed:
        """Write a blob to ``to_fd`` (where that stands) and hash it on the way.

        The result is about the file that was written: the digest found, the bytes, and its identity afterwards.
        ``problem`` is set unless these are the bytes that the digest promises. ``on_bytes`` is told of every piece.
        An ``OSError`` is one of the writing.
        """
        sha, size = hashlib.sha256(), 0
        if digest not in self._blobs:
            raise BadBundle(f"{self.path} does not hold the blob {digest}.", path=self.path, digest=digest)
        for piece in self._pieces(self._blobs[digest]):
            sha.update(piece)
            write_all(to_fd, piece)
            size += len(piece)
            if on_bytes is not None:
                on_bytes(len(piece))
        found, after = sha.hexdigest(), identity(os.fstat(to_fd))
        problem = "" if found == digest else f"the bundle's bytes for it hash to {found}"
        return Hashed(self.path, found, size, after, problem)

    def _look(self) -> None:
        found: dict[str, Member] = {}
        for member in members(self._fd):
            digest = digest_of_member(member.name)
            if digest is None and member.name not in (LAYOUT_MEMBER, INDEX_MEMBER):
                raise BadBundle(f"It has a member {ascii(member.name)[:120]}, which no bundle has.")
            found[digest or member.name] = member
        check_layout(self._document(found, LAYOUT_MEMBER, MAX_LAYOUT_BYTES))
        self.index = self._document(found, INDEX_MEMBER, MAX_INDEX_BYTES)
        self._blobs = {name: member for name, member in found.items() if name not in (LAYOUT_MEMBER, INDEX_MEMBER)}
        pairs: list[tuple[Entry, Manifest]] = []
        named = 0
        for entry in parse_index(self.index):
            pairs.append((entry, self._manifest(entry)))
            named += len(pairs[-1][1].layers)
            if named > MAX_BLOBS:
                raise BadBundle(f"Its manifests name more than {MAX_BLOBS} blobs.")
        sizes = expected_sizes(pairs)
        check_members(sizes, {digest: member.size for digest, member in self._blobs.items()})
        self._models = tuple(BundleModel(entry.name, manifest) for entry, manifest in pairs)

    def _document(self, found: dict[str, Member], name: str, limit: int) -> bytes:
        if name not in found:
            raise BadBundle(f"It has no {name}.")
        if found[name].size > limit:
            raise BadBundle(f"Its {name} has {found[name].size} bytes, and {limit} are allowed.")
        return self._read(found[name], limit)

    def _manifest(self, entry: Entry) -> Manifest:
        member = self._blobs.get(entry.digest)
        if member is None:
            raise BadBundle(f"It lacks the manifest {entry.digest} of {entry.name.display}.", digest=entry.digest)
        # what the index says is bounded, what the archive holds is not
        return manifest_of(entry, self._read(member, entry.size + 1))

    def _read(self, member: Member, limit: int) -> bytes:
        with os_errors("read", self.path):
            return os.pread(self._fd, min(member.size, limit), member.offset)

    def _pieces(self, member: Member) -> Iterator[bytes]:
        """The member's bytes. What was not in the page cache is dropped again: others need it more."""
        offset, end = member.offset, member.offset + member.size
        while offset < end:
            first = offset // PIECE * PIECE
            stop = min(first + PIECE, end)
            absent = self._residency.absent(first, stop)
            with os_errors("read", self.path):
                piece = os.pread(self._fd, stop - offset, offset)
            if not piece:
                raise BadBundle(f"{self.path} was cut off while it was read, at byte {offset}.", path=self.path)
            yield piece
            offset += len(piece)
            for start, length in absent:
                os.posix_fadvise(self._fd, start, length, os.POSIX_FADV_DONTNEED)


def open_bundle(path: str) -> Bundle:
    """Open and validate; raises ``bad_bundle`` with what is wrong, ``no_bundle`` when nothing is there."""
    with os_errors("open the bundle", path):
        if lstat(path) is None:
            remedy = "Give the path of the bundle on this host; it has to be copied there first."
            raise CorralError(f"There is no bundle {path}.", kind="no_bundle", remedy=remedy, path=path)
        bundle = Bundle(path, open_plain(path))
    try:
        with _named(path), os_errors("read", path):
            bundle._look()
    except BaseException:
        bundle.close()
        raise
    return bundle


def checksum_path(path: str) -> str:
    return f"{path}.sha256"


def checksum_text(path: str, index_digest: str, file_digest: str) -> bytes:
    """What lies beside a bundle: ``sha256sum -c`` checks the file by it and takes the index's line for a comment."""
    return f"{_INDEX_LINE}{index_digest}\n{file_digest}  {os.path.basename(path)}\n".encode()


def noted_index_digest(path: str) -> str | None:
    """The index's digest in the file beside the bundle; ``None`` when there is no such file. Raises for another one."""
    beside = checksum_path(path)
    with os_errors("read", beside):
        if lstat(beside) is None:
            return None
        try:
            lines = read_plain(beside, _CHECKSUM_LIMIT).decode("utf-8", "replace").splitlines()
        except NotAFile as error:
            raise BadBundle(error.message, remedy="Remove it after a look at it.", path=beside) from None
    for line in lines:
        if line.startswith(_INDEX_LINE):
            try:
                return parse_digest(line[len(_INDEX_LINE) :].strip())
            except InvalidDigest:
                break
    raise BadBundle(
        f"{beside} holds no digest of an index.",
        remedy="Copy it again from where the bundle was made, or give index_digest.",
        path=beside,
    )


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Every error about the bundle says which one, and what to do about it."""
    try:
        yield
    except BadBundle as error:
        raise BadBundle(
            f"{path} cannot be used as a bundle: {error.message}",
            remedy="Copy it again from where it was made, or export it again (corral.ollama.store_bundle).",
            path=path,
            **error.facts,
        ) from None
