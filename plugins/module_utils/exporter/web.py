# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The exporter's door: GET /metrics and GET /healthz on one address, a bounded number of requests at a time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from ..core.libraries import require

#: Prometheus and a person or two; who comes on top of that is turned away.
AT_ONCE = 8
#: Seconds for a client to say what it wants, and to take the answer.
PATIENCE = 10.0

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address: tuple[str, int]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._room = threading.BoundedSemaphore(AT_ONCE)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # The one of http.server asks for the name of the host, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves in the middle is no news."""


class _Handler(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """A line per scrape helps nobody."""

    def address_string(self) -> str:
        return str(self.client_address[0])


def app_for(collector: Any) -> App:
    """The WSGI application; besides the fleet it tells about its own process."""
    client = require("prometheus_client")
    registry = client.CollectorRegistry()
    client.ProcessCollector(registry=registry)
    registry.register(collector)
    metrics: App = client.make_wsgi_app(registry)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO"), environ.get("REQUEST_METHOD")
        if method in ("GET", "HEAD") and path == "/metrics":
            # The query could choose among metrics, and then a scrape would not be whole.
            answer = metrics({**environ, "QUERY_STRING": "", "REQUEST_METHOD": "GET"}, start)
            return answer if method == "GET" else []
        known = path in ("/healthz", "/metrics")
        status, text = ("200 OK", "ok\n") if path == "/healthz" and method == "GET" else ("404 Not Found", "not here\n")
        if known and method not in ("GET", "HEAD"):
            status, text = "405 Method Not Allowed", "GET only\n"
        start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))])
        return [text.encode()]

    return app


def server_for(address: str, port: int, app: App) -> WSGIServer:
    """Bound and ready; ``serve_forever`` is its work. Raises OSError where the address cannot be had."""
    server = _Server((address, port))
    server.set_app(app)
    return server
