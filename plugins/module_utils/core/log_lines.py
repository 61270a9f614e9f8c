# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the bytes of the engine's answer to lines, whatever the bytes are and however long a line gets.

Docker's format (without a terminal): an eight-byte header with the stream and the length, then one entry of the log:
its time, a space, at most 16 kB of text. A longer line comes as several entries, of which the last ends in a newline.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from .errors import CorralError

#: Of a line, the rest is dropped: what it is about stands at its beginning.
MAX_LINE = 64 * 1024
MAX_FRAME = 4 * 1024 * 1024
SYSTEM = 3
_ROOM = 64  # for the time before the text, and so that the cut is seen
_HEADER = struct.Struct(">BxxxL")
_BREAK = re.compile(rb"(\n|\r|\x1b\[1?G)")
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*")
#: stream, time as the engine has it, text, and whether it was drawn over what stood there before
Line = tuple[int, str, str, bool]


class Frames:
    """Takes the answer's bytes in pieces of any size, gives streams and whole payloads."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        data = self._rest + piece if self._rest else piece
        at, end, header = 0, len(data), _HEADER.size
        while end - at >= header:
            stream, length = _HEADER.unpack_from(data, at)
            if stream > SYSTEM or length > MAX_FRAME:
                raise CorralError("The engine's answer is no log.", kind="log_garbled", remedy="Run again.")
            begin = at + header
            if begin + length > end:
                break
            at = begin + length
            yield stream, data[begin:at]
        self._rest = data[at:]

    def end(self) -> Iterator[tuple[int, bytes]]:
        """What was left without an end; half an entry is none."""
        yield from ()

    @property
    def whole(self) -> bool:
        """Whether nothing was begun and not ended."""
        return not self._rest


class RawLines:
    """The same for a container with a terminal: one stream without headers, one entry per line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        *lines, rest = (self._rest + piece).split(b"\n")
        most = MAX_LINE + _ROOM
        for line in lines:
            yield 1, line[:most] + b"\n"
        self._rest = rest[:most]

    def end(self) -> Iterator[tuple[int, bytes]]:
        """The last line may have no end: of what is killed, it is the one that tells why."""
        if self._rest:
            yield 1, self._rest

    @property
    def whole(self) -> bool:
        return True


class Assembler:
    """Entries to lines. What is older than ``since`` (the engine's own notation, fixed length) is left out."""

    def __init__(self, since: str = "") -> None:
        self._since = since.encode()
        self._stamp = b""
        self._held: dict[int, tuple[bytes, bytes, bool]] = {}
        self.cut = 0
        self.problem = ""

    def take(self, stream: int, payload: bytes) -> Iterator[Line]:
        stamp, _space, text = payload.partition(b" ")
        if not _STAMP.match(stamp):
            if stream == SYSTEM or payload.startswith(b"Error grabbing logs: "):
                self.problem = self.problem or payload[:300].decode("utf-8", "replace").strip()
                return
            stamp, text = self._stamp, payload
        if stamp < self._since:
            return
        self._stamp = stamp
        held = self._held.pop(stream, None)
        drawn = False
        if held:
            stamp, text, drawn = held[0], held[1] + text, held[2]
        elif text.find(b"\n") == len(text) - 1 and b"\x1b" not in text and b"\r" not in text and text:
            yield stream, stamp.decode("ascii", "replace"), self._text(text[:-1]), False
            return
        yield from self._pieces(stream, stamp, text, drawn)

    def end(self) -> Iterator[Line]:
        """The lines that never ended."""
        for stream, (stamp, text, drawn) in sorted(self._held.items()):
            yield stream, stamp.decode("ascii", "replace"), self._text(text), drawn
        self._held = {}

    def _pieces(self, stream: int, stamp: bytes, text: bytes, drawn: bool) -> Iterator[Line]:
        *parts, last = _BREAK.split(text)
        shown = stamp.decode("ascii", "replace")
        for piece, mark in zip(parts[::2], parts[1::2]):
            if piece:
                yield stream, shown, self._text(piece), drawn
            drawn = mark != b"\n"
        if last:
            self._held[stream] = (stamp, last[: MAX_LINE + 1], drawn)
        elif drawn:
            self._held[stream] = (stamp, b"", True)

    def _text(self, data: bytes) -> str:
        if len(data) > MAX_LINE:
            self.cut += 1
            data = data[:MAX_LINE]
        return data.decode("utf-8", "replace")
