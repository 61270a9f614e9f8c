# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to the gateway, good and bad, and lines of a table of what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wire import Gateway, http2, raw

# As in molecule.yml.
KEYS = {
    "webshop": "webshop-0123456789abcdef0123456789abcdef",
    "hasty": "hasty-0123456789abcdef0123456789abcdef",
    "dismissed": "dismissed-0123456789abcdef0123456789ab",
    "operators": "operators-0123456789abcdef0123456789ab",
}
KEY = KEYS["webshop"]
BEARER, HASTY, DISMISSED, ADMIN = (f"Authorization: Bearer {key}" for key in KEYS.values())
CLOSE = "Connection: close"
BODY = b'{"model":"gateway-chat:1b","prompt":"x","stream":false,"options":{"num_predict":2}}'
REFUSED = "refused"
Send = Callable[[Gateway], list[str]]


@dataclass(frozen=True)
class Row:
    """What is sent, in how many ways, and the answer to each of them.

    An answer is the gateway's own status; with a star it is an instance's, which was asked for something allowed.
    """

    what: str
    answer: str
    requests: Sequence[Send]
    #: It hangs up while we still send, and then its answer may be lost on the way.
    may_be_lost: bool = False

    def expected(self) -> list[str]:
        """All answers on the connection."""
        return [] if self.answer == REFUSED else [part.split()[0] for part in self.answer.split(", ")]

    def fits(self, answers: list[str]) -> bool:
        return answers == self.expected() or (self.may_be_lost and answers == [])

    def __str__(self) -> str:
        refused = "the stream, or the connection, is refused"
        told = refused if self.answer == REFUSED else self.answer.replace("*", "")
        return f"| {self.what} | {told}{', or the connection ends' if self.may_be_lost else ''} |"


def plain(line: str, *headers: str, body: bytes = b"", answers: int = 9, key: str = BEARER) -> Send:
    """A request that ends the connection, with our key unless there is to be another one or none."""
    lines = [line, "Host: gateway.example", *([key] if key else []), CLOSE, *headers, "", ""]
    data = "\r\n".join(lines).encode("latin-1") + body
    return lambda gateway: raw(gateway, data, answers)


def asked(line: str, key: str = BEARER) -> Send:
    """``METHOD target``, without a body."""
    return plain(f"{line} HTTP/1.1", "Content-Length: 0", key=key)


def posted(targets: str) -> list[Send]:
    """Each of them, with blanks between them."""
    return [asked(f"POST {target}") for target in targets.split()]


def keyed(*headers: str, target: str = "/api/tags") -> Send:
    """An open route with just these headers."""
    return plain(f"GET {target} HTTP/1.1", *headers, key="")


def generate(*headers: str, body: bytes = BODY, answers: int = 9) -> Send:
    return plain("POST /api/generate HTTP/1.1", *headers, body=body, answers=answers)


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def followed(*headers: str, body: bytes) -> Send:
    """A pull behind the body. As a request of its own it would be refused; it is to be seen by nobody."""
    pull = "\r\n".join(["POST /api/pull HTTP/1.1", "Host: gateway.example", BEARER, CLOSE, "Content-Length: 0", "", ""])
    return generate(*headers, body=body + pull.encode())


def two(
    method: str, path: str, *more: tuple[str, str], body: bytes | None = None, key: str = KEY, **others: str
) -> Send:
    """A request in HTTP/2, field by field."""
    head = {":method": method, ":scheme": "https", ":authority": "gateway.example", ":path": path}
    head.update({f":{name}": value for name, value in others.items()})
    fields = [*head.items(), ("authorization", f"Bearer {key}"), *more]
    return lambda gateway: [str(status)] if (status := http2(gateway, fields, body)) else []
