# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The members of a tar that may be hostile, by their headers: nothing is extracted, and nothing is read whole.

Of tarfile only what parses one block of 512 bytes is used: its reader takes extended headers of any size into memory.
"""

from __future__ import annotations

import os
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.bundle_index import MAX_BLOBS, BadBundle

BLOCK = tarfile.BLOCKSIZE
_MAX_HEADERS = 3 * MAX_BLOBS
_PLAIN = (tarfile.REGTYPE, tarfile.AREGTYPE)
_DIRECTORIES = frozenset({"", ".", "blobs", "blobs/sha256"})
_MAX_BYTES = 2**50
_MAX_EXTENDED = 64 * 1024
_RECORD = re.compile(rb"([1-9][0-9]{0,5}) ([^=\n]{1,200})=")
_KINDS = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.GNUTYPE_LONGNAME: "a member with a long name",
    tarfile.GNUTYPE_LONGLINK: "a member with a long name",
    tarfile.XGLTYPE: "a global header",
}


@dataclass(frozen=True)
class Member:
    """A plain file in the archive: its bytes are ``size`` bytes from ``offset`` on."""

    name: str
    offset: int
    size: int


def members(fd: int) -> Iterator[Member]:
    """All plain files in their order. The directories of a layout are passed over; anything else raises ``BadBundle``,
    as does an archive that is cut off, or two members of one name."""
    length = os.fstat(fd).st_size
    offset, count, extended = 0, 0, Extended()
    seen: set[str] = set()
    while True:
        header = _header(fd, offset, length)
        if header is None:
            return
        offset, count = offset + BLOCK, count + 1
        if header.type == tarfile.XHDTYPE:
            extended, size = Extended(), header.size
        else:
            size = header.size if extended.size is None else extended.size
        name = _clean(extended.path or header.name)
        _check(header, name, size, offset, length)
        if count > _MAX_HEADERS or name in seen:
            raise BadBundle(f"It has {_shown(name)} twice." if name in seen else f"It has over {_MAX_HEADERS} members.")
        if header.type == tarfile.XHDTYPE:
            extended = parse_extended(os.pread(fd, size, offset), name)
        else:
            extended = Extended()
            seen.add(name)
            if header.type != tarfile.DIRTYPE:
                yield Member(name, offset, size)
        offset += padded(size)


def padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


@dataclass(frozen=True)
class Extended:
    """What a pax header changes of the member after it."""

    path: str = ""
    size: int | None = None


def parse_extended(raw: bytes, name: str) -> Extended:
    """Records of the form ``LENGTH KEY=VALUE``; what makes a member something else than plain is refused."""
    path, size, position = "", None, 0
    while position < len(raw):
        match = _RECORD.match(raw, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(raw) or raw[end - 1 : end] != b"\n":
            raise BadBundle(f"The extended header {_shown(name)} is damaged.")
        key, value = match[2], raw[match.end() : end - 1]
        if key.startswith(b"GNU.sparse"):
            raise BadBundle(f"The extended header {_shown(name)} is that of a sparse file.")
        if key == b"path":
            path = value.decode("utf-8", "replace")
        elif key == b"size":
            if not value.isdigit() or len(value) > 16:
                raise BadBundle(f"The extended header {_shown(name)} has no usable size.")
            size = int(value)
        position = end
    return Extended(path, size)


def _header(fd: int, offset: int, length: int) -> tarfile.TarInfo | None:
    """The header there; ``None`` at the end mark."""
    block = os.pread(fd, BLOCK, offset)
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        # a block of zeros is the end mark
        if len(block) == BLOCK and not any(block):
            return None
        if len(block) < BLOCK:
            raise BadBundle(f"It is cut off: it ends after {length} bytes, without the end mark of a tar.") from None
        raise BadBundle(f"At byte {offset} is no header of a tar ({error}).") from None


def _check(header: tarfile.TarInfo, name: str, size: int, offset: int, length: int) -> None:
    if header.type not in (*_PLAIN, tarfile.DIRTYPE, tarfile.XHDTYPE):
        what = _KINDS.get(header.type, f"of the type {ascii(header.type)[2:-1]}")
        raise BadBundle(f"Its member {_shown(name)} is {what}, and a bundle holds plain files only.")
    if header.type == tarfile.DIRTYPE and name not in _DIRECTORIES:
        raise BadBundle(f"It has a directory {_shown(name)}, which is none of a bundle's.")
    limit = {tarfile.XHDTYPE: _MAX_EXTENDED, tarfile.DIRTYPE: 0}.get(header.type, _MAX_BYTES)
    if not 0 <= size <= limit:
        raise BadBundle(f"Its member {_shown(name)} has {size} bytes, not 0 to {limit}.")
    if offset + size > length:
        raise BadBundle(f"It is cut off: it has {length} bytes, and its member {_shown(name)} ends at {offset + size}.")


def _clean(name: str) -> str:
    """``tar -C folder .`` puts a dot in front."""
    return name[2:] if name.startswith("./") else name


def _shown(name: str) -> str:
    return ascii(name)[:120]
