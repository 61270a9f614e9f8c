# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Ollama server's HTTP API, as far as a fleet needs it. One client per server and thread."""

from __future__ import annotations

from typing import Any

from ..core.libraries import require
from ..server.errors import ServerError
from ..server.stream import JsonLines

_PIECE = 64 * 1024


class OllamaClient:
    """Talks to the server at ``url``; every failure is a ServerError (kinds server_gone, server_timeout, server_error).

    ``timeout`` is in seconds and applies to connecting and to each read of the answer. ``key`` is for a gateway, and
    ``ca_path`` the file with the certificates that are trusted, in place of the system's. ``limit``: bytes that an
    answer may have, 0 for any number.
    """

    def __init__(self, url: str, timeout: float = 30.0, key: str = "", ca_path: str = "", limit: int = 0) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._limit = limit
        self._requests = require("requests")
        self._session = self._requests.Session()
        # A proxy from the environment is meant for the internet, not for a server on loopback.
        self._session.trust_env = False
        if key:
            self._session.headers["Authorization"] = f"Bearer {key}"
        if ca_path:
            self._session.verify = ca_path

    def version(self) -> str:
        """``GET /api/version``: answers only once the server really serves."""
        return str(self._json("GET", "/api/version").get("version", ""))

    def tags(self) -> list[dict[str, Any]]:
        """``GET /api/tags``: the models whose manifest and config can be read. Not a proof that they work."""
        return _objects(self._json("GET", "/api/tags"))

    def ps(self) -> list[dict[str, Any]]:
        """``GET /api/ps``: the models that are loaded."""
        return _objects(self._json("GET", "/api/ps"))

    def show(self, name: str) -> dict[str, Any]:
        """``POST /api/show``."""
        return self._json("POST", "/api/show", {"model": name})

    def delete(self, name: str) -> bool:
        """``DELETE /api/delete``; False when the server has no such model."""
        try:
            self._call("DELETE", "/api/delete", {"model": name})
        except ServerError as error:
            if error.status == 404:
                return False
            raise
        return True

    def copy(self, source: str, destination: str) -> None:
        """``POST /api/copy``: the same manifest under another name."""
        self._call("POST", "/api/copy", {"source": source, "destination": destination})

    def pull(self, name: str, insecure: bool = False, read_timeout: float | None = None) -> JsonLines:
        """``POST /api/pull``: the stream's lines. Status 200 says nothing; see server/pull.py."""
        body = {"model": name, "insecure": insecure, "stream": True}
        return JsonLines(self._call("POST", "/api/pull", body, timeout=read_timeout, stream=True))

    def generate(self, body: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """``POST /api/generate`` without a stream. Status 200 with ``done`` false is a failure."""
        return self._json("POST", "/api/generate", {**body, "stream": False}, timeout)

    def chat(self, body: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """``POST /api/chat`` without a stream."""
        return self._json("POST", "/api/chat", {**body, "stream": False}, timeout)

    def embed(self, body: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
        """``POST /api/embed``."""
        return self._json("POST", "/api/embed", body, timeout)

    def _json(self, method: str, path: str, body: Any = None, timeout: float | None = None) -> dict[str, Any]:
        response = self._call(method, path, body, timeout)
        try:
            value = response.json()
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        text = response.text[:200]
        raise ServerError(
            f"{self.url} answered {method} {path} with something that is not Ollama's JSON: {text!r}.",
            remedy="Check that this address belongs to an Ollama server.",
            status=response.status_code,
            url=self.url,
            text=text,
        )

    def _call(
        self, method: str, path: str, body: Any = None, timeout: float | None = None, stream: bool = False
    ) -> Any:
        seconds = timeout or self.timeout
        try:
            response = self._session.request(
                method,
                self.url + path,
                json=body,
                timeout=(min(seconds, 10.0), seconds),
                stream=stream or self._limit > 0,
            )
            if self._limit and not stream:
                self._bound(response, method, path)
            if response.status_code >= 400:
                raise self._refusal(response, method, path)
        except self._requests.RequestException as error:
            raise self._unanswered(error, method, path, seconds) from error
        return response

    def _bound(self, response: Any, method: str, path: str) -> None:
        """Read the answer as ``requests`` does where it is not streamed, and no further than it may go."""
        pieces, size = [], 0
        for piece in response.iter_content(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > self._limit:
                response.close()
                message = f"{self.url} answers {method} {path} with more than {self._limit} bytes."
                remedy = "Check that this address belongs to an Ollama server."
                raise ServerError(message, remedy=remedy, status=response.status_code, url=self.url)
        response._content = b"".join(pieces)

    def _refusal(self, response: Any, method: str, path: str) -> ServerError:
        text = _error_text(response)
        response.close()
        remedy = "Its answer is for local host names only: bind it to 0.0.0.0 or ask it by its own name."
        return ServerError(
            f"{self.url} answered {method} {path} with {response.status_code}: {text or response.reason}.",
            remedy=remedy if response.status_code == 403 and not text else "",
            status=response.status_code,
            url=self.url,
            text=text,
        )

    def _unanswered(self, error: Exception, method: str, path: str, seconds: float) -> ServerError:
        late = isinstance(error, self._requests.ReadTimeout) or "Read timed out" in str(error)
        message = f"did not answer {method} {path} within {seconds:g} s" if late else f"cannot be reached: {error}"
        return ServerError(
            f"The Ollama server {self.url} {message.rstrip('.')}.",
            kind="server_timeout" if late else "server_gone",
            remedy="Check that its container runs and serves (corral.ollama.instance_info; docker logs).",
            url=self.url,
        )


def _objects(answer: dict[str, Any]) -> list[dict[str, Any]]:
    models = answer.get("models")
    return [entry for entry in models if isinstance(entry, dict)] if isinstance(models, list) else []


def _error_text(response: Any) -> str:
    """The ``error`` of a JSON answer (on /v1 it is an object), else the beginning of the text."""
    try:
        value = response.json()
    except ValueError:
        return str(response.text)[:300].strip()
    error = value.get("error", "") if isinstance(value, dict) else ""
    return str(error.get("message", "")) if isinstance(error, dict) else str(error)
