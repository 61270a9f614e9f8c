# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pages of a file are in the page cache: mincore(2), which Python has no function for."""

from __future__ import annotations

import ctypes
import mmap
import os

_PAGE = mmap.PAGESIZE


class Residency:
    """Asks for windows of one open file. Without an answer, a page counts as absent: reading past the cache is safe."""

    def __init__(self, fd: int, found: os.stat_result) -> None:
        self._fd = fd
        # to others than root and the owner the kernel says that every page is resident
        self._may_ask = os.geteuid() in (0, found.st_uid)
        self._mincore = getattr(ctypes.CDLL(None, use_errno=True), "mincore", None)

    def absent(self, start: int, end: int) -> list[tuple[int, int]]:
        """The runs of ``[start, end)`` that are not in the cache, as ``(offset, length)``; ``start`` begins a page."""
        length = end - start
        pages = self._pages(start, length)
        runs: list[tuple[int, int]] = []
        if pages is None:
            return [(start, length)]
        index = 0
        while index < len(pages):
            if pages[index] & 1:
                index += 1
                continue
            first = index
            while index < len(pages) and not pages[index] & 1:
                index += 1
            runs.append((start + first * _PAGE, (index - first) * _PAGE))
        return runs

    def _pages(self, start: int, length: int) -> bytes | None:
        if not self._may_ask or self._mincore is None:
            return None
        count = -(-length // _PAGE)
        vector = (ctypes.c_ubyte * count)()
        try:
            # private and writable only because ctypes takes the address of nothing else; nothing is written
            mapped = mmap.mmap(self._fd, length, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE, offset=start)
        except (OSError, ValueError):
            return None
        try:
            anchor = ctypes.c_char.from_buffer(mapped)
            answer = self._mincore(ctypes.c_void_p(ctypes.addressof(anchor)), ctypes.c_size_t(length), vector)
            del anchor
        finally:
            mapped.close()
        return bytes(vector) if answer == 0 else None
