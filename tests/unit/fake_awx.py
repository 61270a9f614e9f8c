# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX's API, for tests of what configures it: its objects, and the refusals seen on AWX 24.6.1.

It runs no jobs. What it accepts and refuses is in fake_awx_rules.py; its objects have the fields of recorded answers.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.corral.ollama.tests.unit.fake_awx_rules import Refused
from ansible_collections.corral.ollama.tests.unit.fake_awx_store import Store

TOKEN = "token-of-the-stand-in"
USER, PASSWORD = "admin", "planted-controller-password"


class FakeAwx:
    """``with FakeAwx(playbooks=[…]) as awx``: at ``awx.url``; ``awx.calls`` has each request's method and path."""

    def __init__(self, playbooks: list[str] = ()) -> None:
        self.store = Store(list(playbooks))
        self.calls: list[tuple[str, str]] = []
        self.page = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> FakeAwx:
        self._thread.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def changes(self) -> list[tuple[str, str]]:
        """The requests that change something, logins left out."""
        return [call for call in self.calls if call[0] != "GET" and "/tokens/" not in call[1]]

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> tuple[int, Any]:
        parts = urlsplit(target)
        path = parts.path
        if not path.startswith("/api/v2/"):
            return 404, {"detail": "Not found."}
        if not self._may(headers):
            return 401, {"detail": "Invalid username/password."}
        words = path.removeprefix("/api/v2/").strip("/").split("/")
        body = json.loads(raw) if raw else {}
        with self._lock:
            self.calls.append((method, path))
            if words[0] == "tokens":
                return (201, {"id": 1, "token": TOKEN}) if method == "POST" else (204, None)
            try:
                if method == "GET":
                    return self._read(words, dict(parse_qsl(parts.query)), path)
                return self.store.change(method, words, body)
            except Refused as refused:
                return 400, refused.body
            except KeyError:
                return 404, {"detail": "Not found."}

    def _read(self, words: list[str], query: dict[str, str], path: str) -> tuple[int, Any]:
        found = self.store.read(words, query)
        if not isinstance(found, list):
            return 200, found
        size, page = self.page or int(query.pop("page_size", 25)), int(query.pop("page", 1))
        start = (page - 1) * size
        more = "&".join(f"{key}={value}" for key, value in {**query, "page": page + 1, "page_size": size}.items())
        following = f"{path}?{more}" if len(found) > start + size else None
        return 200, {"count": len(found), "next": following, "results": found[start : start + size]}

    @staticmethod
    def _may(headers: Mapping[str, str]) -> bool:
        given = headers.get("Authorization", "")
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return given in (f"Bearer {TOKEN}", f"Basic {basic}")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # headers and body leave together

            def handle_any(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, body = outer.answer(self.command, self.path, dict(self.headers), raw)
                text = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
