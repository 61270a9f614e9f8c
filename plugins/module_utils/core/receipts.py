# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A receipt says that a file was read from end to end, when, and what its bytes hash to."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .digests import InvalidDigest, parse_digest


@dataclass(frozen=True)
class Stamp:
    """What tells a file from a changed one without reading it. Times are nanoseconds since 1970.

    The device is left out: its number changes with every start of some hosts, and a store lies on one file system.
    """

    __slots__ = ("ctime_ns", "inode", "mtime_ns", "size")

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(frozen=True)
class Receipt:
    """``digest`` is the blob's name, ``found`` what it hashes to (64 hex both); ``verified_at`` seconds since 1970."""

    __slots__ = ("digest", "found", "stamp", "verified_at")

    digest: str
    found: str
    stamp: Stamp
    verified_at: float

    @property
    def ok(self) -> bool:
        return self.found == self.digest

    def matches(self, stamp: Stamp | None) -> bool:
        """Nothing has touched the file since."""
        return stamp == self.stamp

    def same_file(self, stamp: Stamp | None) -> bool:
        """As ``matches``, but for the change time: a further hard link or another mode sets that, and no bytes."""
        if stamp is None:
            return False
        mine = self.stamp
        return (mine.inode, mine.size, mine.mtime_ns) == (stamp.inode, stamp.size, stamp.mtime_ns)

    def line(self) -> str:
        """One line of the journal."""
        stamp = self.stamp
        row = [self.digest, self.found, stamp.inode, stamp.size, stamp.mtime_ns, stamp.ctime_ns, self.verified_at]
        return json.dumps(row) + "\n"


def parse_line(text: str) -> Receipt | None:
    """``None`` for a line that is torn or not ours: a receipt that is lost costs one more reading, nothing else."""
    try:
        digest, found, inode, size, mtime, ctime, verified_at = json.loads(text)
        if not type(inode) is type(size) is type(mtime) is type(ctime) is int:
            return None
        digest = parse_digest(digest)
        found = digest if found == digest else parse_digest(found)
        return Receipt(digest, found, Stamp(inode, size, mtime, ctime), float(verified_at))
    except (ValueError, TypeError, OverflowError, RecursionError, InvalidDigest):
        return None
