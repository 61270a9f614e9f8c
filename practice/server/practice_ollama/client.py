"""The CLI's side of the API."""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator
from typing import Any, Optional

from .config import host_and_port

UNREACHABLE = "could not connect to ollama server, run 'ollama serve' to start it"


class ClientError(Exception):
    pass


class Client:
    def __init__(self) -> None:
        host, self.port = host_and_port(os.environ.get("OLLAMA_HOST", ""))
        self.host = "127.0.0.1" if host in ("0.0.0.0", "::") else host

    def send(self, method: str, path: str, body: Optional[dict[str, Any]] = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.host, self.port)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            raise ClientError(UNREACHABLE) from None
        if response.status >= 400 and method != "HEAD":
            raise ClientError(_text(response.read(), response.status))
        return response

    def json(self, method: str, path: str, body: Optional[dict[str, Any]] = None) -> Any:
        raw = self.send(method, path, body).read()
        return json.loads(raw) if raw else {}

    def lines(self, path: str, body: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """NDJSON; an error line and an end without one are errors."""
        response = self.send("POST", path, body)
        try:
            for raw in response:
                line = json.loads(raw)
                if "error" in line:
                    raise ClientError(str(line["error"]))
                yield line
        except (OSError, http.client.HTTPException):
            raise ClientError("unexpected EOF") from None


def _text(raw: bytes, status: int) -> str:
    try:
        return str(json.loads(raw)["error"])
    except (ValueError, KeyError, TypeError):
        return raw.decode("utf-8", "replace") or f"{status}"
