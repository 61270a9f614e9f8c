"""HTTP/1.1 on threads: reads a request, finds its handler, sends what comes back, writes the request log."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Optional
from urllib.parse import unquote

from . import access, gojson, log, routes
from .control import crash_now
from .errors import ApiError, ClientGone, PathError
from .http_types import JSON, Request, Response, Stream, json_response, text_response
from .openai import v1_error
from .session import Context

PLAIN = "text/plain"
BUFFERED = 2048
HANG_UP = (BrokenPipeError, ConnectionError, TimeoutError)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], context: Context):
        self.context = context
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)

    def server_bind(self) -> None:
        """Without the look-up of a host name that http.server does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is not worth a trace."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    server: Server

    def _any(self) -> None:
        self.began = time.monotonic()
        self.body_left = True
        self.sent_status: Optional[int] = None
        status = 500
        try:
            status = self._respond()
        except ClientGone as gone:
            status = gone.status
            self.close_connection = True
        except HANG_UP:
            status = self.sent_status or 500
            self.close_connection = True
        finally:
            self._log(status)

    def __getattr__(self, name: str) -> Any:
        """`do_GET` and so on: all methods take the same way."""
        if name.startswith("do_"):
            return self._any
        raise AttributeError(name)

    def _respond(self) -> int:
        path, _, query = self.path.partition("?")
        path = unquote(path)
        answer = self._answer(path, query)
        if self.body_left and self.headers.get("Content-Length", "0") != "0":
            for _ in self._read_body():
                pass
        if isinstance(answer, Stream):
            return self._send_stream(answer)
        return self._send(answer)

    def _answer(self, path: str, query: str) -> Any:
        context = self.server.context
        host = self.headers.get("Host", "")
        if not access.host_allowed(context.settings.address, host):
            return Response(403)
        if not access.origin_allowed(self.headers.get("Origin", ""), host, context.settings.origins):
            return Response(403)
        methods, argument = routes.find(path)
        if methods is None:
            return text_response("404 page not found", 404, PLAIN)
        if self.command not in methods:
            return text_response("405 method not allowed", 405, PLAIN, Allow=", ".join(methods))
        request = Request(self.command, path, query, self._read_body, self._gone, argument)
        try:
            self._faults(path)
            return methods[self.command](context, request)
        except ApiError as error:
            return v1_error(error) if path.startswith("/v1/") else json_response({"error": error.message}, error.status)

    def _faults(self, path: str) -> None:
        faults = self.server.context.faults
        if path.startswith("/practice/"):
            return
        if faults.take("crash", route=path):
            crash_now()
        error = faults.take("error", route=path)
        if error:
            raise ApiError(int(error["status"]), str(error["message"]))

    def _gone(self) -> bool:
        """True when the client has closed its side."""
        try:
            if not select.select([self.connection], [], [], 0)[0]:
                return False
            return not self.connection.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True

    def _read_body(self) -> Iterator[bytes]:
        if not self.body_left:
            return
        self.body_left = False
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            yield from self._read_chunks()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            piece = self.rfile.read(min(left, 1 << 20))
            if not piece:
                raise ClientGone
            left -= len(piece)
            yield piece

    def _read_chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _head(self, status: int, content_type: str, headers: dict[str, str]) -> None:
        self.sent_status = status
        self.send_response_only(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Date", self.date_time_string())
        self.end_headers()

    def _send(self, answer: Response) -> int:
        headers = dict(answer.headers)
        chunked = len(answer.body) > BUFFERED or headers.get("Transfer-Encoding") == "chunked"
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif answer.declare_length:
            headers["Content-Length"] = str(len(answer.body))
        elif self.command != "HEAD":
            headers["Content-Length"] = "0"
        self._head(answer.status, answer.content_type, headers)
        if self.command != "HEAD":
            self.wfile.write(_chunk(answer.body) + b"0\r\n\r\n" if chunked else answer.body)
        self.wfile.flush()
        return answer.status

    def _send_stream(self, stream: Stream) -> int:
        """The first line decides the status: before it, an error is an ordinary answer."""
        lines = iter(stream.lines)
        try:
            try:
                first = next(lines, None)
            except ApiError as error:
                return self._send(json_response({"error": error.message}, error.status, JSON))
            self._head(200, stream.content_type, {"Transfer-Encoding": "chunked"})
            self._send_lines(stream, first, lines)
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        finally:
            if hasattr(lines, "close"):
                lines.close()
            if stream.close:
                stream.close()
        return 200

    def _send_lines(self, stream: Stream, line: Any, lines: Iterator[Any]) -> None:
        try:
            while line is not None:
                self._send_text(stream.render(line))
                line = next(lines, None)
        except (ApiError, PathError) as error:
            self._send_text(gojson.dumps({"error": str(error)}) + "\n")
        except ClientGone:
            raise BrokenPipeError from None

    def _send_text(self, text: str) -> None:
        self.wfile.write(_chunk(text.encode()))
        self.wfile.flush()

    def _log(self, status: int) -> None:
        client = self.headers.get("X-Forwarded-For", "").split(",")[0].strip() or self.client_address[0]
        log.gin(status, time.monotonic() - self.began, client, self.command, self.path)

    def log_message(self, format: str, *args: Any) -> None:
        """The request log is written elsewhere."""


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
