"""The faults of one transfer."""

from __future__ import annotations

import errno
import os
import threading
import time
from typing import Any, Optional

from .faults import Faults

CHUNK = 1 << 19


class Cut(Exception):
    """The connection was cut."""


class Mischief:
    """Asked by every part before it keeps a piece; shared by the parts of one blob."""

    def __init__(self, faults: Faults, model: str):
        self.slow = faults.take("slow_pull", model=model)
        self.stall = faults.take("stall_pull", model=model)
        self.cut = faults.take("cut_pull", model=model)
        self.full = faults.take("disk_full", model=model)
        self.wrong = faults.take("wrong_bytes", model=model)
        self._faults, self._version = faults, faults.version
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._bytes = 0

    @property
    def chunk(self) -> int:
        if self.slow:
            return int(min(CHUNK, max(512, float(self.slow["rate"]) / 20)))
        limits = [int(f["after"]) for f in (self.stall, self.cut, self.full) if f]
        return CHUNK if not limits else 1 << 14

    @property
    def over(self) -> bool:
        """True when other faults have been set since."""
        return self._faults.version != self._version

    def before(self, abort: threading.Event) -> None:
        """Called before a piece is read."""
        if self.over:
            return
        with self._lock:
            passed = self._bytes
            if self.cut and passed >= int(self.cut["after"]) and int(self.cut["attempts"]) > 0:
                self.cut["attempts"] = int(self.cut["attempts"]) - 1
                raise Cut
        if self.full and passed >= int(self.full["after"]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.stall and passed >= int(self.stall["after"]):
            while not abort.wait(0.05):
                if self.over:
                    return
            raise Cut

    def passed(self, count: int, abort: threading.Event) -> None:
        """Called after a piece was kept; holds the caller back when the transfer is to be slow."""
        with self._lock:
            self._bytes += count
            due = self._bytes / float(self.slow["rate"]) if self.slow else 0.0
            ahead = due - (time.monotonic() - self._began)
        if self.slow and ahead > 0 and not self.over:
            abort.wait(ahead)


def flip(path: str, where: int = -1) -> None:
    """Changes one byte in place."""
    with open(path, "r+b") as stream:
        stream.seek(where, os.SEEK_END if where < 0 else os.SEEK_SET)
        byte = stream.read(1)
        stream.seek(-1, os.SEEK_CUR)
        stream.write(bytes([byte[0] ^ 0xFF]))


def wants(fault: Optional[dict[str, Any]], when: str) -> bool:
    return bool(fault) and str((fault or {}).get("when")) == when
