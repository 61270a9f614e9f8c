# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time by which a lease is judged: that of the host, or of the file server where several hosts share the store.

Two hosts' clocks differ, and one that is ahead would take over a lease that is alive. What both see alike is the time
that the file server gives a file that is written.
"""

from __future__ import annotations

import os
import tempfile
from time import monotonic, time

from ..core.ownership import parse_marker
from .files import NotAFile, lstat, os_errors, read_plain
from .layout import StorePaths

_LIMIT = 64 * 1024
#: Seconds for which the difference between the clocks is taken to stay what it is.
_FRESH = 60.0


class StoreClock:
    """Call it for unix seconds. To measure the difference it writes a file, so it is for those who write anyway."""

    def __init__(self, paths: StorePaths) -> None:
        self._paths = paths
        self._ahead = 0.0
        self._measured = float("-inf")

    def __call__(self) -> float:
        if monotonic() - self._measured > _FRESH:
            self._ahead = self._difference() if self._is_shared() else 0.0
            self._measured = monotonic()
        return time() + self._ahead

    def _is_shared(self) -> bool:
        """A marker that cannot be read is the business of whoever makes the store ready."""
        if lstat(self._paths.owner) is None:
            return False
        try:
            marker = parse_marker(read_plain(self._paths.owner, _LIMIT))
        except (OSError, NotAFile):
            return False
        return marker is not None and marker.shared

    def _difference(self) -> float:
        """By how much the file server's clock is ahead of ours."""
        with os_errors("write to", self._paths.tmp):
            fd, path = tempfile.mkstemp(dir=self._paths.tmp, prefix="clock-")
            try:
                os.write(fd, b"x")
                # now the server has it, and says when
                os.fsync(fd)
                written = os.fstat(fd).st_mtime
                return written - time()
            finally:
                os.close(fd)
                os.unlink(path)
