# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to get in, or to get something through, and the answer to each. The guide's table is made from these rows."""

from __future__ import annotations

import base64
import hashlib

from asking import BEARER, DISMISSED, KEY, Row, asked, keyed, plain, posted
from attacks_on_http import HTTP2, SIZES, SMUGGLING

BLOB = "/api/blobs/sha256:" + "0" * 64
BASIC = "Authorization: Basic " + base64.b64encode(f"webshop:{KEY}".encode()).decode()
HASH = "Authorization: Bearer " + hashlib.sha256(KEY.encode()).hexdigest()

KEYS = (
    Row("no key", "401", [keyed(), keyed(target="/api/pull"), keyed(target="/")]),
    Row(
        "a wrong key, none behind `Bearer`, a key with one character more",
        "401",
        [keyed("Authorization: Bearer " + "w" * 32), keyed("Authorization: Bearer"), keyed(BEARER + "f")],
    ),
    Row("a key that was revoked, without a restart", "401", [keyed(DISMISSED)]),
    Row(
        "the key as `Basic`, as `X-Api-Key`, in the query, as its SHA-256; two keys, a wrong one first",
        "401",
        [
            keyed(BASIC),
            keyed(f"X-Api-Key: {KEY}"),
            keyed(target=f"/api/tags?key={KEY}"),
            keyed(HASH),
            keyed("Authorization: Bearer x", BEARER),
        ],
    ),
)
ROUTES = (
    Row(
        "an ordinary key: `POST` of `/api/pull`, `push`, `create`, `copy`; `DELETE /api/delete`; `/api/blobs/…`",
        "403",
        [
            *posted(f"/api/pull /api/push /api/create /api/copy /api/pull?x=1 /api/pull? {BLOB}"),
            asked("DELETE /api/delete"),
            plain(f"HEAD {BLOB} HTTP/1.1"),
        ],
    ),
    Row(
        "`GET`, `HEAD`, `PUT`, `PATCH`, `TRACE`, `post` of `/api/pull`; `OPTIONS`; `CONNECT`; `POST` of what is read",
        "403",
        [
            *(asked(f"{method} /api/pull") for method in ("GET", "HEAD", "PUT", "PATCH", "TRACE", "post", "P$ST")),
            *(asked(line) for line in ("OPTIONS /api/chat", "OPTIONS *", "CONNECT gateway.example:443")),
            *posted("/ /api/tags /v1/models"),
        ],
    ),
    Row(
        "routes that are on no list: `/api/me`, `/metrics`, `/v1/files`, `/api/generate/`",
        "403",
        [*posted("/api/me /metrics /v1/files /api/generate/"), asked("PUT /practice/faults")],
    ),
)
TRICKS = (
    Row(
        "`/api/%70ull`, `/%61pi/pull`, `/api%2fpull`, `/api/%2570ull`, `DELETE /api/%64elete`, `/api/bl%6fbs/…`",
        "403",
        [
            *posted("/api/%70ull /%61pi/pull /api%2fpull /api%2Fpull /api/%2570ull /api/bl%6fbs/sha256:" + "0" * 64),
            asked("DELETE /api/%64elete"),
        ],
    ),
    Row(
        "`//api/pull`, `/api//pull`, `/api/pull/`, `/api/pull//`, `/api/pull%2f`",
        "403",
        posted("//api/pull /api//pull /api/pull/ /api/pull// /api/pull%2f"),
    ),
    Row(
        "`/api/./pull`, `/x/../api/pull`, `/api/tags/../pull`, `/v1/models/../../api/pull`, the same with `%2e%2e`",
        "403",
        [
            *posted("/api/./pull /./api/pull /x/../api/pull /api/../api/pull /api/tags/../pull /v1/../api/pull"),
            *posted("/v1/models/../../api/pull /api/%2e/pull /api/%2e%2e/api/pull /api/tags/%2e%2e/pull"),
            *posted("/api/tags%2f..%2fpull /v1/models/%2e%2e%2f%2e%2e%2fapi%2fpull"),
        ],
    ),
    Row(
        r"`/API/PULL`, `/Api/Pull`, `/api;x/pull`, `/api/pull;x=1`, `/api\pull`, `/api/pull%20`, `%00`, `%3fx`",
        "403",
        posted(r"/API/PULL /Api/Pull /api;x/pull /api/pull;x=1 /api\pull /api/pull%20 /api/pull%00 /api/pull%3fx"),
    ),
    Row(
        "a whole URL: `POST http://gateway.example/api/pull`, `https://…`, `HTTP://…/API/pull`",
        "403",
        [
            *posted("http://gateway.example/api/pull https://gateway.example/api/pull"),
            *posted("http://gateway.example//api/pull HTTP://gateway.example/API/pull"),
        ],
    ),
    Row(
        "a whole URL of another host; `api/pull`; `/api/pull#x`; `POST *`; `CONNECT /api/pull`",
        "400",
        [*posted("http://evil.example/api/pull api/pull /api/pull#x *"), asked("CONNECT /api/pull")],
    ),
    Row("the whole URL of an open route", "200* (as its path)", [asked("GET http://gateway.example/api/tags")]),
)
# What takes more than one request to see; each has a test of its own in test_2_attacks.py.
ELSEWHERE = (
    ("those routes with the key of an administrator", "the instance's own, which is asked once"),
    ("more requests within the period than the limit", "429 with `Retry-After`; other keys go on"),
)
ROWS = (*KEYS, *ROUTES, *TRICKS, *SMUGGLING, *SIZES, *HTTP2)


def table() -> str:
    """As the guide shows it."""
    others = [f"| {what} | {answer} |" for what, answer in ELSEWHERE]
    return "\n".join(["| what is sent | answer |", "|---|---|", *map(str, ROWS), *others]) + "\n"
