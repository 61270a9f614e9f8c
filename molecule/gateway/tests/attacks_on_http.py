# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages that two readers might understand in two ways, too big ones, and the same in HTTP/2."""

from __future__ import annotations

from asking import BEARER, BODY, CLOSE, REFUSED, Row, chunked, followed, generate, keyed, two
from wire import raw

TE = "Transfer-Encoding: chunked"
LENGTH = f"Content-Length: {len(BODY)}"
LF_ALONE = f"GET /api/tags HTTP/1.1\nHost: x\n{BEARER}\n{CLOSE}\n\n".encode()
BEHIND = (
    f"GET /api/tags HTTP/1.1\r\nHost: x\r\n{BEARER}\r\n\r\n"
    f"POST /api/pull HTTP/1.1\r\nHost: x\r\n{BEARER}\r\n{CLOSE}\r\nContent-Length: 0\r\n\r\n"
).encode()
HEADERS_40K, HEADERS_360K = ([f"X-{n}: {'y' * 4000}" for n in range(count)] for count in (10, 90))
ODD_FIELDS = (
    ("x-a", "b\r\nx-c: d"),
    ("x-a", "b\nx-c: d"),
    ("x-a", "b\0"),
    ("x-a: b", "c"),
    ("x-a\r\nx-b", "c"),
    ("X-Upper", "a"),
    ("transfer-encoding", "chunked"),
    ("connection", "close"),
    (":path", "/api/pull"),
)

SMUGGLING = (
    Row(
        "both lengths, and a pull behind the body (CL.TE, TE.CL)",
        "200* (one answer: the chunks count and the rest is dropped)",
        [
            followed(f"Content-Length: {len(chunked(BODY)) + 150}", TE, body=chunked(BODY)),
            followed("Content-Length: 4", TE, body=chunked(BODY)),
        ],
    ),
    Row(
        "two `Content-Length` that differ; `2, 3`, `+2`, `-2`, `0x2`, `2a`, 20 digits, none; a blank before the colon",
        "400",
        [
            generate("Content-Length: 2", "Content-Length: 3"),
            *(generate(f"Content-Length: {value}") for value in ("2, 3", "+2", "-2", "0x2", "2a", "9" * 20, "")),
            generate("Content-Length : 2"),
        ],
    ),
    Row("two `Content-Length` that are equal", "200* (as one)", [generate(LENGTH, LENGTH)]),
    Row(
        "`Transfer-Encoding`: `xchunked`; twice; `chunked, identity`; a blank before the colon; a vertical tab",
        "400",
        [
            followed("Transfer-Encoding: xchunked", body=chunked()),
            followed(TE, "Transfer-Encoding: identity", body=chunked()),
            followed("Transfer-Encoding: chunked, identity", body=chunked()),
            followed("Transfer-Encoding : chunked", body=chunked()),
            followed("Transfer-Encoding:\x0bchunked", body=chunked()),
        ],
    ),
    Row(
        "`Transfer-Encoding: identity, chunked`, `gzip, chunked`",
        "422",
        [followed(f"Transfer-Encoding: {first}, chunked", body=chunked()) for first in ("identity", "gzip")],
    ),
    Row(
        "a chunk of 2^68 or of -5 bytes; the size of a chunk with LF alone behind it",
        "400",
        [
            generate(TE, body=b"fffffffffffffffff\r\n" + BODY),
            generate(TE, body=b"-5\r\n" + BODY),
            followed(TE, body=b"%x;\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
        ],
    ),
    Row(
        "a header with CR or NUL in it, or a blank in its name; two `Host`; HTTP/0.9",
        "400",
        [
            *(keyed(BEARER, odd) for odd in ("X-A: a\rX-B: b", "X-A: a\rb", "X-A: a\0b", "X A: a", "Host: b.example")),
            lambda gateway: raw(gateway, b"GET /api/tags\r\n"),
        ],
    ),
    Row(
        "lines that end with LF alone; a header that goes on in the next line",
        "200* (the instance gets it as it should be written)",
        [lambda gateway: raw(gateway, LF_ALONE), keyed(BEARER, "X-A: a\r\n POST /api/pull HTTP/1.1")],
    ),
    Row("a pull behind another request on one connection", "200*, 403", [lambda gateway: raw(gateway, BEHIND)]),
    Row(
        "`Upgrade` to HTTP/2 or to a web socket",
        "200* (without it)",
        [
            keyed(BEARER, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"),
            keyed(BEARER, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
        ],
    ),
)
SIZES = (
    Row("a body over the limit", "413", [generate("Content-Length: 2000001", body=b"x" * 300_000, answers=1)]),
    Row(
        "a chunked body that does not end within the buffer",
        "413",
        [generate(TE, body=chunked(*[b"x" * 65536] * 5), answers=1)],
    ),
    Row(
        "chunks of one byte; chunks with extensions",
        "200*",
        [
            generate(TE, body=chunked(*(BODY[at : at + 1] for at in range(len(BODY))))),
            generate(TE, body=b"%x;a=b\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)),
        ],
    ),
    Row("headers of 40 kB", "431", [keyed(BEARER, *HEADERS_40K)]),
    Row(
        "headers of more than the buffer; 200 headers",
        "400",
        [keyed(BEARER, *HEADERS_360K), keyed(BEARER, *(f"X-{n}: y" for n in range(200)))],
        may_be_lost=True,
    ),
    Row("a path with a query of 9 kB", "414", [keyed(BEARER, target="/api/tags?" + "y" * 9000)]),
)
HTTP2 = (
    Row("HTTP/2: an open route, another `Host` beside it", "200", [two("GET", "/api/tags", ("host", "b.example"))]),
    Row("HTTP/2: a wrong key", "401", [two("GET", "/api/tags", key="w" * 32)]),
    Row(
        "HTTP/2: `/api/pull`, `//api/pull`, `/api/%70ull`, `/api/./pull`, `/x/../api/pull`, `*`",
        "403",
        [
            two("POST", path, body=b"{}")
            for path in ("/api/pull", "//api/pull", "/api/%70ull", "/api/./pull", "/x/../api/pull", "*")
        ],
    ),
    Row("HTTP/2: a scheme with a host in it", "400", [two("GET", "/api/tags", scheme="http://evil.example/")]),
    Row(
        "HTTP/2: CR, LF, NUL, blanks or colons in path, method, names or values; upper-case names; "
        "`Transfer-Encoding`; `Connection`; two paths; `api/pull`; `CONNECT`; another length than the body's",
        REFUSED,
        [
            *(two("POST", path, body=b"") for path in ("/api/tags HTTP/1.1\r\nX: y", "/api/tags\0", "api/pull", "")),
            two("GET /api/pull HTTP/1.1\r\nX: ", "/api/tags"),
            two("CONNECT", "/api/pull"),
            *(two("GET", "/api/tags", field) for field in ODD_FIELDS),
            two("POST", "/api/generate", ("content-length", "3"), body=BODY),
        ],
    ),
)
