# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the server's NDJSON streams: one JSON object per line, over a connection that may end at any byte."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

LINE_LIMIT = 1024 * 1024
"""Longer lines are not Ollama's; they are dropped, not collected in memory."""


class StreamCut(Exception):
    """The connection ended in the middle of the stream."""


class StreamSilent(Exception):
    """Nothing came for as long as the socket was told to wait."""


class JsonLines:
    """Iterates over the objects of a streamed response; junk lines are counted and skipped.

    ``junk`` is their number and ``last_junk`` the beginning of the last one, for the error message.
    """

    def __init__(self, response: Any) -> None:
        self._response = response
        self.junk = 0
        self.last_junk = ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for line in self._lines():
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            if isinstance(value, dict):
                yield value
            else:
                self._count_junk(line)

    def wait_at_most(self, seconds: float) -> None:
        """Let the next reads wait so long. Without access to the socket the request's own timeout stays."""
        raw = self._response.raw
        connection = getattr(raw, "connection", None) or getattr(raw, "_connection", None)
        socket = getattr(connection, "sock", None)
        if socket is not None:
            socket.settimeout(seconds)

    def close(self) -> None:
        """Close the connection; the server cancels a pull whose client has gone."""
        self._response.close()

    def _lines(self) -> Iterator[bytes]:
        pending = b""
        for chunk in self._chunks():
            *complete, pending = (pending + chunk).split(b"\n")
            yield from complete
            if len(pending) > LINE_LIMIT:
                self._count_junk(pending)
                pending = b""
        yield pending

    def _chunks(self) -> Iterator[bytes]:
        # Without chunked encoding the size must be one, or the read waits for more than the line.
        chunked = "chunked" in self._response.headers.get("Transfer-Encoding", "")
        try:
            yield from self._response.iter_content(chunk_size=None if chunked else 1)
        except Exception as error:
            # requests has no class of its own for a read timeout in a body: it wraps urllib3's in ConnectionError.
            if "timed out" in str(error):
                raise StreamSilent(str(error)) from error
            if isinstance(error, OSError) or type(error).__module__.split(".", 1)[0] in ("requests", "urllib3", "http"):
                raise StreamCut(str(error)) from error
            raise

    def _count_junk(self, line: bytes) -> None:
        self.junk += 1
        self.last_junk = line[:80].decode("utf-8", "replace")
