# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTP server that answers by script: recordings of the real one, and what goes wrong on a wire."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"
TLS_CERT = FIXTURES / "tls" / "cert.pem"
_REPEATS = 20


@dataclass(frozen=True)
class Answer:
    """What to send: ``lines`` as a chunked stream, else ``body``.

    ``cut``: close the connection instead of ending the stream. ``hang``: then send nothing more, for so many seconds.
    ``repeat_last``: send the last line again and again, every ``line_delay`` seconds, until the client leaves.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[Any, ...] | None = None
    line_delay: float = 0.0
    delay: float = 0.0
    hang: float = 0.0
    cut: bool = False
    repeat_last: bool = False


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


Script = Callable[[Call], Answer]


def ok(value: Any, **more: Any) -> Answer:
    return Answer(body=json.dumps(value).encode(), headers={"Content-Type": "application/json"}, **more)


def error(status: int, text: str) -> Answer:
    return replace(ok({"error": text}), status=status)


def stream(*lines: Any, **more: Any) -> Answer:
    return Answer(lines=lines, headers={"Content-Type": "application/x-ndjson"}, **more)


def transcript(name: str) -> dict[str, Any]:
    return json.loads((FIXTURES / "transcripts" / f"{name}.json").read_text(encoding="utf-8"))


def recorded(name: str, **more: Any) -> Answer:
    """The answer of a recording; folded runs of equal lines are unfolded a little."""
    response = transcript(name)["response"]
    headers = {k: v for k, v in response["headers"].items() if k not in ("Content-Length", "Transfer-Encoding")}
    if "ndjson" in response:
        lines: list[Any] = []
        for line in response["ndjson"]:
            lines.extend([lines[-1]] * min(_REPEATS, line["_repeated_times"]) if "_repeated_times" in line else [line])
        return Answer(response["status"], headers=headers, lines=tuple(lines), **more)
    body = json.dumps(response["json"]) if "json" in response else response.get("text", "")
    return Answer(response["status"], body.encode(), headers, **more)


class ScriptedServer:
    """``server.on("POST", "/api/pull", answer, …)``: the answers are given in turn, the last one for ever."""

    def __init__(self, tls: bool = False) -> None:
        self.calls: list[Call] = []
        self._scripts: dict[tuple[str, str], list[Answer | Script]] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(TLS_CERT, FIXTURES / "tls" / "key.pem")
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.address = f"127.0.0.1:{self._http.server_address[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.address}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    def on(self, method: str, path: str, *answers: Answer | Script) -> ScriptedServer:
        self._scripts[method, path] = list(answers)
        return self

    def called(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    def _answer(self, call: Call) -> Answer:
        with self._lock:
            self.calls.append(call)
            script = self._scripts.get((call.method, call.path), [Answer(404, b"404 page not found")])
            answer = script.pop(0) if len(script) > 1 else script[0]
        return answer(call) if callable(answer) else answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.loads(raw) if raw else None
                answer = outer._answer(Call(self.command, self.path, dict(self.headers), body))
                outer._pause(answer.delay)
                try:
                    outer._send(self, answer)
                except OSError:
                    self.close_connection = True

            do_GET = do_POST = do_DELETE = do_HEAD = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def _pause(self, seconds: float) -> None:
        if seconds:
            self._closing.wait(seconds)

    def _send(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.send_response(answer.status)
        for name, value in answer.headers.items():
            handler.send_header(name, value)
        if answer.lines is None:
            handler.send_header("Content-Length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
            return
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        self._stream(handler, answer)

    def _stream(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        lines = answer.lines or ()
        for line in lines:
            self._chunk(handler, line)
            self._pause(answer.line_delay)
        while answer.repeat_last and not self._closing.is_set():
            self._chunk(handler, lines[-1])
            time.sleep(answer.line_delay)
        self._pause(answer.hang)
        if answer.cut:
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")

    @staticmethod
    def _chunk(handler: BaseHTTPRequestHandler, line: Any) -> None:
        data = line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        handler.wfile.flush()
