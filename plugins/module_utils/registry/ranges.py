# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ranges of one blob straight from a registry, for several of them at the same time."""

from __future__ import annotations

from collections.abc import Callable

from ..core.manifests import Blob
from ..core.names import ModelName
from .blobs import BlobClient
from .errors import LATE, LOST, ODD, WRONG_SIZE

_LEAST = 1024


class RangeClient(BlobClient):
    """For one range: the next one takes another client. Nothing is tried again here."""

    _stop = 0

    def read(
        self, name: ModelName, blob: Blob, start: int, stop: int, write: Callable[[bytes], None], insecure: bool = False
    ) -> None:
        """Exactly the bytes from ``start`` up to ``stop`` to ``write``. Raises RegistryError."""
        if start >= stop:
            return
        self._stop, left, waited, moved = stop, stop - start, 0.0, 0
        with self._session(name, blob, insecure, "GET", start) as response:
            self._require(response, name, blob, insecure, (200, 206) if left == blob.size else (206,))
            self._check_range(response, name, blob, insecure, start)
            while left:
                begun = self.clock()
                piece = self._read(response, name, insecure)
                if not piece:
                    self._fail(LOST, name, insecure, f"blob {blob.digest}: ended {left} bytes too early")
                if len(piece) > left:
                    self._fail(WRONG_SIZE, name, insecure, f"blob {blob.digest}: more bytes than were asked for")
                left, waited, moved = left - len(piece), waited + self.clock() - begun, moved + len(piece)
                write(piece)
                if waited > self._timeout:
                    if moved < _LEAST:
                        self._fail(LATE, name, insecure, f"blob {blob.digest}: {moved} bytes in {waited:.0f} s")
                    waited, moved = 0.0, 0

    def _check_range(self, response: object, name: ModelName, blob: Blob, insecure: bool, start: int) -> None:
        headers = getattr(response, "headers", {})
        if headers.get("Content-Encoding", "identity") != "identity":
            self._fail(ODD, name, insecure, f"blob {blob.digest}: it is compressed")
        if getattr(response, "status_code", 0) == 206:
            wanted = tuple(f"bytes {start}-{self._stop - 1}/{size}" for size in ("*", blob.size))
            if headers.get("Content-Range", "") not in wanted:
                self._fail(ODD, name, insecure, f"blob {blob.digest}: another range than was asked for")
        elif headers.get("Content-Length", str(blob.size)) != str(blob.size):
            self._fail(WRONG_SIZE, name, insecure, f"blob {blob.digest}: not {blob.size} bytes")

    def _range(self, offset: int) -> dict[str, str]:
        return {"Range": f"bytes={offset}-{self._stop - 1}"} if self._stop else super()._range(offset)
