# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One blob, or one manifest by its digest, straight from a registry, as a pull of Ollama fetches them.

A public registry answers a blob with a redirect to another host, a plain one with the bytes: both are followed here.
Nothing is believed: no more bytes are taken than the blob has, and the caller hashes them on the way.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, NoReturn, Protocol
from urllib.parse import urljoin, urlsplit

from ..core.manifests import Blob
from ..core.names import ModelName
from .client import USER_AGENT, RegistryClient, RemoteManifest, local, short
from .errors import (
    LATE,
    LOST,
    MOVED,
    ODD,
    UNKNOWN_BLOB,
    WRONG_SIZE,
    Meaning,
    RegistryError,
    by_failure,
    by_status,
    registry_error,
)
from .pace import Pace

_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_HOPS = 5
_MAX_ATTEMPTS = 200
_PIECE = 256 * 1024
#: Fewer bytes than these within the timeout are no progress: a server may drip.
_LEAST = 1024
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")


class Sink(Protocol):
    """Where the bytes go; ``offset`` bytes are there already."""

    @property
    def offset(self) -> int: ...

    def write(self, piece: bytes) -> None: ...

    def restart(self) -> None: ...


@dataclass
class Fetched:
    """``bytes`` that came over the wire, and the attempts that failed before it was whole."""

    bytes: int = 0
    retries: list[dict[str, Any]] = field(default_factory=list)


class BlobClient(RegistryClient):
    """Also a client for blobs. ``bytes_per_second`` limits how fast they are taken; 0 is no limit."""

    bytes_per_second: int = 0
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def manifest_at(self, name: ModelName, digest: str, insecure: bool = False) -> RemoteManifest:
        """The manifest with this digest: by the digest, else by the tag if that still has it. Raises RegistryError."""
        try:
            found = self.manifest(name, insecure, reference=f"sha256:{digest}")
            if found.digest == digest:
                return found
        except RegistryError as error:
            if error.transient or error.kind in ("registry_tls", "registry_auth"):
                raise
        found = self.manifest(name, insecure)
        if found.digest != digest:
            self._fail(MOVED, name, insecure, f"it serves {found.digest}, and {digest} is wanted")
        return found

    def has(self, name: ModelName, blob: Blob, insecure: bool = False) -> None:
        """Raises RegistryError unless the registry says that it has the blob, in its size if it says a size."""
        with self._session(name, blob, insecure, "HEAD", 0) as response:
            if response.status_code == 405:
                return
            self._require(response, name, blob, insecure, (200, *_REDIRECTS))
            length = response.headers.get("Content-Length", "")
            if response.status_code == 200 and length.isdigit() and int(length) != blob.size:
                self._fail(WRONG_SIZE, name, insecure, f"blob {blob.digest}: {length} bytes, not {blob.size}")

    def fetch(
        self,
        name: ModelName,
        blob: Blob,
        sink: Sink,
        insecure: bool = False,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Fetched:
        """The rest of the blob into ``sink``; what breaks off is taken up again where it was. Raises RegistryError."""
        outcome, failures, best = Fetched(), 0, sink.offset

        def take(piece: bytes) -> None:
            outcome.bytes += len(piece)
            sink.write(piece)
            if on_bytes is not None:
                on_bytes(len(piece))

        while sink.offset < blob.size or not blob.size:
            try:
                self._stream(name, blob, sink, insecure, take)
                break
            except RegistryError as error:
                failures = 0 if sink.offset >= best + _LEAST else failures + 1
                best = max(best, sink.offset)
                if not error.transient or failures > self._retries or len(outcome.retries) >= _MAX_ATTEMPTS:
                    error.facts["retries"] = outcome.retries
                    raise
                outcome.retries.append({"kind": error.kind, "message": error.message, "offset": sink.offset})
            self._sleep(0.5 * 2 ** (failures - 1))
        return outcome

    def _stream(self, name: ModelName, blob: Blob, sink: Sink, insecure: bool, take: Callable[[bytes], None]) -> None:
        with self._session(name, blob, insecure, "GET", sink.offset) as response:
            if response.status_code == 416:
                sink.restart()
                self._fail(LOST, name, insecure, f"blob {blob.digest}: it refused to go on in the middle")
            self._require(response, name, blob, insecure, (200, 206))
            self._begin(response, name, blob, sink, insecure)
            pace = Pace(self.bytes_per_second, self.clock, self._sleep)
            waited, moved = 0.0, 0
            while True:
                begun = self.clock()
                piece = self._read(response, name, insecure)
                if not piece:
                    break
                if sink.offset + len(piece) > blob.size:
                    self._fail(WRONG_SIZE, name, insecure, f"blob {blob.digest}: more than {blob.size} bytes")
                waited, moved = waited + self.clock() - begun, moved + len(piece)
                take(piece)
                if waited > self._timeout:
                    if moved < _LEAST:
                        self._fail(LATE, name, insecure, f"blob {blob.digest}: {moved} bytes in {waited:.0f} s")
                    waited, moved = 0.0, 0
                pace.wait(len(piece))
        if sink.offset < blob.size:
            self._fail(LOST, name, insecure, f"blob {blob.digest}: ended after {sink.offset} of {blob.size} bytes")

    def _begin(self, response: Any, name: ModelName, blob: Blob, sink: Sink, insecure: bool) -> None:
        """Refuse what cannot be the rest of the blob; start anew where the server does."""
        if response.headers.get("Content-Encoding", "identity") != "identity":
            self._fail(ODD, name, insecure, f"blob {blob.digest}: it is compressed")
        length = response.headers.get("Content-Length", "")
        if response.status_code == 200:
            if length.isdigit() and int(length) != blob.size:
                self._fail(WRONG_SIZE, name, insecure, f"blob {blob.digest}: {length} bytes, not {blob.size}")
            if sink.offset:
                sink.restart()
            return
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if found is None or int(found[1]) != sink.offset or found[2] not in ("*", str(blob.size)):
            self._fail(ODD, name, insecure, f"blob {blob.digest}: another range than was asked for")

    def _read(self, response: Any, name: ModelName, insecure: bool) -> bytes:
        """What has come, at most a piece; it does not wait for a whole one, so that a drip is seen as one."""
        raw: Any = getattr(response.raw, "_fp", None)
        try:
            return bytes(raw.read1(_PIECE) if hasattr(raw, "read1") else response.raw.read(_PIECE))
        except Exception as error:
            # urllib3 has a family of errors of its own
            known = (OSError, HTTPException, self._requests.RequestException)
            if not isinstance(error, known) and not type(error).__module__.startswith("urllib3"):
                raise
            raise self._error(by_failure(error), name, insecure, short(error)) from error

    def _session(self, name: ModelName, blob: Blob, insecure: bool, method: str, offset: int) -> _Open:
        session = self._requests.Session()
        try:
            return _Open(session, self._follow(session, name, blob, insecure, method, offset))
        except (self._requests.RequestException, OSError) as error:
            session.close()
            raise self._error(by_failure(error), name, insecure, short(error)) from error
        except BaseException:
            session.close()
            raise

    def _follow(self, session: Any, name: ModelName, blob: Blob, insecure: bool, method: str, offset: int) -> Any:
        url = f"{self.base_url(name.host, insecure)}/v2/{name.namespace}/{name.model}/blobs/sha256:{blob.digest}"
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **self._range(offset)}
        options = {"timeout": self._timeout, "verify": self._ca_path or True, "stream": True, "allow_redirects": False}
        for _hop in range(_MAX_HOPS):
            session.trust_env = not local(url)
            response = session.request(method, url, headers=headers, **options)
            # a redirect is where a GET would go on: enough to know that it is there
            if response.status_code not in _REDIRECTS or method == "HEAD":
                return response
            response.close()
            target = urljoin(url, response.headers.get("Location", ""))
            parts = urlsplit(target)
            schemes = ("https",) if urlsplit(url).scheme == "https" else ("http", "https")
            if parts.scheme not in schemes or not parts.hostname:
                self._fail(ODD, name, insecure, f"blob {blob.digest}: it redirects to {short(target)!a}")
            url, headers["Host"] = self.reached_at(target), parts.netloc
        raise self._error(ODD, name, insecure, f"blob {blob.digest}: it redirects more than {_MAX_HOPS} times")

    def _range(self, offset: int) -> dict[str, str]:
        return {"Range": f"bytes={offset}-"} if offset else {}

    def _require(self, response: Any, name: ModelName, blob: Blob, insecure: bool, good: tuple[int, ...]) -> None:
        status = response.status_code
        if status not in good:
            meaning = UNKNOWN_BLOB if status == 404 else by_status(status)
            self._fail(meaning, name, insecure, f"status {status} for the blob {blob.digest}")

    def _fail(self, meaning: Meaning, name: ModelName, insecure: bool, detail: str) -> NoReturn:
        raise self._error(meaning, name, insecure, detail)

    def _error(self, meaning: Meaning, name: ModelName, insecure: bool, detail: str) -> RegistryError:
        return registry_error(meaning, name.display, self.called(name, insecure), detail)


class _Open:
    """A response, and the session that has to be closed after it."""

    def __init__(self, session: Any, response: Any) -> None:
        self._session, self._response = session, response

    def __enter__(self) -> Any:
        return self._response

    def __exit__(self, *_exc: object) -> None:
        self._response.close()
        self._session.close()
