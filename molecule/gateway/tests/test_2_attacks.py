# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing gets in that should not: the answer to each attack, and what the instances saw of them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from asking import ADMIN, BODY, HASTY, KEYS, asked, generate, keyed, plain, two
from attacks import BLOB, ROWS, table
from lab import wait_until

GUIDE = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / "docs/guides/gateway.md"
# GIN's line: [GIN] 2026/11/22 - 05:10:44 | 200 |  774.131µs |  172.18.0.1 | GET  "/api/version"
SEEN = re.compile(r'\| +(\d{3}) \|.*\| +(\S+) \| (\S+) +"([^"]*)"')
OPEN = {
    ("GET", "/api/tags"),
    ("GET", "/api/version"),
    ("HEAD", "/"),
    ("POST", "/api/generate"),
    ("POST", "/api/embed"),
    ("GET", "/api/ps"),
}
ADMIN_ROUTES = [
    *(f"POST /api/{verb}" for verb in ("pull", "push", "create", "copy")),
    "DELETE /api/delete",
    f"POST {BLOB}",
    f"HEAD {BLOB}",
]


def seen(lab):
    """(address, method, path) of everything that the instances were asked, in their own words."""
    logs = "".join(lab.sh(f"docker logs ollama-ollama-server-{number} 2>&1") for number in (1, 2, 3))
    return [match.groups()[1:] for match in SEEN.finditer(logs)]


@pytest.mark.parametrize("row", ROWS, ids=[row.what[:60] for row in ROWS])
def test_each_request_has_its_answer(gateway, row):
    answers = [send(gateway) for send in row.requests]
    assert [answer for answer in answers if not row.fits(answer)] == [], answers


def test_nothing_else_reached_an_instance(lab):
    found = {(method, path) for _address, method, path in seen(lab)}
    assert found <= OPEN
    assert ("POST", "/api/generate") in found


def test_the_guide_shows_these_very_answers():
    assert table() in GUIDE.read_text()


def test_the_instance_learns_the_real_address_and_not_the_key(lab, gateway):
    before = len(seen(lab))
    forged = ["X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6"]
    assert generate(*forged, f"Content-Length: {len(BODY)}")(gateway) == ["200*"]

    def askers():  # Of this one, and of earlier ones whose lines came late: all from this machine.
        return {address for address, _method, path in seen(lab)[before:] if path == "/api/generate"}

    wait_until(askers, 20, "the log")
    assert {address.rpartition(".")[0] for address in askers()} == {lab.address.rpartition(".")[0]}


@pytest.mark.parametrize("line", ADMIN_ROUTES)
def test_an_admin_key_reaches_an_instance_and_only_once(lab, gateway, line):
    def times():
        return sum(f"{method} {path}" == line for _address, method, path in seen(lab))

    before = times()
    [answer] = asked(line, key=ADMIN)(gateway)
    assert answer.endswith("*")
    wait_until(lambda: times() > before, 20, "the log")
    assert times() == before + 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_start_page_and_a_single_model(gateway, method):
    for path in ("/", "/v1/models/gateway-chat:1b"):
        [answer] = plain(f"{method} {path} HTTP/1.1")(gateway)
        assert answer.endswith("*")


def test_over_the_rate_a_key_is_told_when_to_come_back_and_no_other_key_is(gateway):
    line = f"GET /metrics HTTP/1.1\r\nHost: x\r\n{HASTY}\r\n"
    many = (f"{line}\r\n" * 399 + f"{line}Connection: close\r\n\r\n").encode()
    text = b""
    with gateway.connect() as talk:
        talk.sendall(many)
        while part := talk.recv(65536):
            text += part
    statuses = re.findall(rb"HTTP/1\.1 (\d{3})", text)
    assert statuses == [b"403"] * 300 + [b"429"] * 100
    assert text.count(b"retry-after: 10\r\n") == 100
    assert b'{"error":"too many requests: 300 within 10 s are allowed"}' in text
    assert keyed()(gateway) == ["401"]
    assert plain("GET /api/tags HTTP/1.1")(gateway) == ["200*"]
    assert two("GET", "/api/tags", key=KEYS["hasty"])(gateway) == ["429"]
    wait_until(lambda: keyed(HASTY)(gateway) == ["200*"], 60, "the key to be let in again")


def test_an_error_is_json_in_the_words_of_ollama(gateway):
    with gateway.connect() as talk:
        talk.sendall(b"GET /api/tags HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        text = b""
        while part := talk.recv(65536):
            text += part
    head, _found, body = text.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    assert b"www-authenticate: bearer" in head.lower()
    assert list(json.loads(body)) == ["error"]


def test_the_log_says_who_asked_whom_and_what_was_tried_again(lab, gateway):
    assert keyed(f"Authorization: Bearer {KEYS['webshop']}", target="/api/tags?token=hush")(gateway) == ["200*"]
    line = next(
        line for line in reversed(lab.sh("docker logs ollama-gateway 2>&1").splitlines()) if "/api/tags" in line
    )
    fields = dict(part.partition("=")[::2] for part in line.split())
    assert (fields["client"], fields["method"], fields["path"]) == ("webshop", "GET", '"/api/tags"')
    assert (fields["status"], fields["retries"], fields["flags"]) == ("200", "0", "----")
    assert fields["instance"].startswith("ollama-server-")
    assert "hush" not in line
