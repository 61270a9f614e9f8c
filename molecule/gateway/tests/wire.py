# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP by hand, so that a test can send what no library would: bytes over TCP or TLS, and HTTP/2 frame by frame."""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Iterable
from dataclasses import dataclass

TIMEOUT = 20.0
_HEAD = re.compile(rb"(?:^|(?<=\n)|(?<=[}\]]))HTTP/1\.[01] (\d{3}).*?\r\n\r\n", re.DOTALL)
# Statuses of HPACK's static table by index; HAProxy writes others as literals.
_INDEXED = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
_DATA, _HEADERS, _RESET, _SETTINGS, _GOAWAY = 0, 1, 3, 4, 7
_END_STREAM, _END_HEADERS = 1, 4


@dataclass(frozen=True)
class Gateway:
    """Where it listens; without ``ca`` in clear text."""

    host: str
    port: int
    ca: str = ""

    def connect(self, *protocols: str) -> socket.socket:
        plain = socket.create_connection((self.host, self.port), timeout=TIMEOUT)
        if not self.ca:
            return plain
        context = ssl.create_default_context(cafile=self.ca)
        context.set_alpn_protocols(list(protocols or ("http/1.1",)))
        return context.wrap_socket(plain, server_hostname="gateway.example")


def raw(gateway: Gateway, request: bytes, answers: int = 9) -> list[str]:
    """The answers to these bytes: a status each, with a star for an instance's own answer.

    The request should say ``Connection: close`` in the right place, or be one after which the gateway closes. Where it
    stays open, as it has not got all that was announced, so many ``answers`` are read.
    """
    found, heads = b"", []
    with gateway.connect() as talk:
        try:
            talk.sendall(request)
            while len(heads) < answers and (part := talk.recv(65536)):
                found += part
                heads = list(_HEAD.finditer(found))
        except (ConnectionError, ssl.SSLError):
            pass  # It may close while we still send: what has come counts.
    return [head[1].decode() + ("*" if b"x-corral-instance" in head[0].lower() else "") for head in heads]


def http2(gateway: Gateway, headers: Iterable[tuple[str, str]], body: bytes | None = None) -> int:
    """The status of one HTTP/2 request, header by header as given; 0 when the stream or the connection is refused."""
    block = b"".join(b"\x00" + _literal(name) + _literal(value) for name, value in headers)
    first = _frame(_HEADERS, _END_HEADERS | (_END_STREAM if body is None else 0), 1, block)
    rest = b"" if body is None else _frame(_DATA, _END_STREAM, 1, body)
    with gateway.connect("h2") as talk:
        try:
            talk.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, b"") + first + rest)
            while True:
                kind, stream, payload = _read_frame(talk)
                if kind == _HEADERS and stream == 1:
                    return _status(payload)
                if kind in (_RESET, _GOAWAY):
                    return 0
        except (ConnectionError, ssl.SSLError):
            return 0


def _literal(text: str) -> bytes:
    """A string without Huffman's code; one of 127 bytes or more has its length in more than one byte."""
    data = text.encode("latin-1")
    if len(data) < 127:
        return bytes([len(data)]) + data
    length, more = len(data) - 127, b""
    while length >= 128:
        more += bytes([length % 128 + 128])
        length //= 128
    return b"\x7f" + more + bytes([length]) + data


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _read_frame(talk: socket.socket) -> tuple[int, int, bytes]:
    head = _exactly(talk, 9)
    size, kind, stream = int.from_bytes(head[:3], "big"), head[3], int.from_bytes(head[5:9], "big")
    return kind, stream, _exactly(talk, size)


def _exactly(talk: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = talk.recv(size - len(found))
        if not part:
            raise ConnectionError("closed")
        found += part
    return found


def _status(block: bytes) -> int:
    """HAProxy's first field is the status: indexed, or a literal of three digits."""
    if block[0] & 0x80:
        return _INDEXED[block[0] & 0x7F]
    digits = re.search(rb"\x03([1-5]\d\d)", block)
    assert digits is not None, block
    return int(digits[1])
