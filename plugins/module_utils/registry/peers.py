# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What another host's store serves over HTTP: ranges of its blobs, and its manifests.

A peer is known by the fingerprint of its certificate and asked with the token of the run. Nothing that it says is
believed: no more bytes are taken than were asked for, and the caller hashes them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlsplit

from ..core.declared import BadInput
from ..core.digests import blob_file
from ..core.errors import CorralError
from ..core.libraries import require
from ..core.manifests import MAX_MANIFEST_BYTES, Blob
from ..core.names import ModelName
from .client import USER_AGENT, short
from .errors import by_failure

_PIECE = 256 * 1024
#: Fewer bytes than these within the timeout are no progress: a server may drip.
_LEAST = 1024
_FINGERPRINT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")

LACKS, REFUSED, FAILED, WRONG = "peer_lacks", "peer_refused", "peer_failed", "peer_wrong"
LATE, UNREACHABLE = "peer_timeout", "peer_unreachable"


class PeerError(CorralError):
    """A peer did not give what it was asked for. ``transient`` says whether asking it again may help."""

    kind = FAILED

    def __init__(self, message: str, *, transient: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.transient = transient


class PeerClient:
    """One peer. ``fingerprint`` (sha256, 64 hex) is that of its certificate; required for https."""

    def __init__(
        self,
        name: str,
        url: str,
        token: str = "",
        fingerprint: str = "",
        timeout: float = 30.0,
        connections: int = 4,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self._url, self._timeout, self._clock = name, url.rstrip("/"), timeout, clock
        self._requests = require("requests")
        fingerprint = fingerprint.replace(":", "").lower()
        scheme = _refuse_bad(name, self._url, fingerprint, token)
        self._session = self._requests.Session()
        # neither a proxy nor a password of the host's own is for a neighbour
        self._session.trust_env = False
        self._session.headers.update({"User-Agent": USER_AGENT, "Accept-Encoding": "identity"})
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._session.mount(f"{scheme}://", _pinned(self._requests, fingerprint, connections))

    def close(self) -> None:
        self._session.close()

    def manifest(self, name: ModelName) -> bytes:
        """The bytes of a manifest file; the caller judges them."""
        path = "/manifests/" + "/".join(quote(part, safe="") for part in name.parts)
        with self._get(path, {}) as response:
            self._require(response, (200,), name.display)
            raw = b"".join(self._pieces(response, MAX_MANIFEST_BYTES + 1, name.display))
        if len(raw) > MAX_MANIFEST_BYTES:
            raise self._error(WRONG, name.display, f"a manifest of more than {MAX_MANIFEST_BYTES} bytes")
        return raw

    def read(self, blob: Blob, start: int, stop: int, write: Callable[[bytes], None]) -> None:
        """Exactly the bytes from ``start`` up to ``stop`` of a blob to ``write``. Raises ``PeerError``."""
        if start >= stop:
            return
        what, left = f"the blob {blob.digest[:12]}", stop - start
        with self._get(f"/blobs/{blob_file(blob.digest)}", {"Range": f"bytes={start}-{stop - 1}"}) as response:
            self._require(response, (206, 200) if left == blob.size else (206,), what)
            self._check_range(response, blob, start, stop, what)
            for piece in self._pieces(response, left + 1, what):
                if len(piece) > left:
                    raise self._error(WRONG, what, "more bytes than were asked for")
                left -= len(piece)
                write(piece)
        if left:
            raise self._error(FAILED, what, f"it ended {left} bytes too early", transient=True)

    def _check_range(self, response: Any, blob: Blob, start: int, stop: int, what: str) -> None:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise self._error(WRONG, what, "it is compressed")
        if response.status_code == 200:
            length = response.headers.get("Content-Length", "")
            if length != str(blob.size):
                raise self._error(WRONG, what, f"it has {short(length)} bytes there, not {blob.size}")
            return
        found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
        given = (int(found[1]), int(found[2]) + 1) if found else (-1, -1)
        if found is None or given != (start, stop) or found[3] not in ("*", str(blob.size)):
            raise self._error(WRONG, what, "another range, or another size, than was asked for")

    @contextmanager
    def _get(self, path: str, headers: dict[str, str]) -> Iterator[Any]:
        try:
            response = self._session.get(
                self._url + path, headers=headers, timeout=self._timeout, stream=True, allow_redirects=False
            )
        except (self._requests.RequestException, OSError) as error:
            raise self._unreachable(error) from error
        try:
            yield response
        finally:
            # what was not read to its end is not worth reading
            response.close()

    def _require(self, response: Any, good: tuple[int, ...], what: str) -> None:
        status = response.status_code
        if status in good:
            return
        if status == 404:
            raise self._error(LACKS, what, "it does not have it")
        if status in (401, 403):
            raise self._error(REFUSED, what, f"status {status}: it does not take the token of this run")
        # A stored file that is shorter than the blob answers 416.
        kind = WRONG if status in (200, 416) else FAILED
        raise self._error(kind, what, f"status {status}", transient=status >= 500 or status == 429)

    def _pieces(self, response: Any, limit: int, what: str) -> Iterator[bytes]:
        """What has come, piece by piece and at most ``limit`` bytes; it does not wait for a whole piece."""
        raw: Any = getattr(response.raw, "_fp", None)
        read = raw.read1 if hasattr(raw, "read1") else response.raw.read
        waited, moved = 0.0, 0
        while limit > 0:
            begun = self._clock()
            piece = self._taken(read, min(_PIECE, limit))
            if not piece:
                return
            waited, moved, limit = waited + self._clock() - begun, moved + len(piece), limit - len(piece)
            yield piece
            if waited > self._timeout:
                if moved < _LEAST:
                    raise self._error(LATE, what, f"{moved} bytes in {waited:.0f} s", transient=True)
                waited, moved = 0.0, 0

    def _taken(self, read: Callable[[int], Any], count: int) -> bytes:
        try:
            return bytes(read(count))
        except Exception as error:
            # urllib3 has a family of errors of its own
            known = (OSError, HTTPException, self._requests.RequestException)
            if not isinstance(error, known) and not type(error).__module__.startswith("urllib3"):
                raise
            raise self._unreachable(error) from error

    def _unreachable(self, error: BaseException) -> PeerError:
        meaning = by_failure(error)
        if "fingerprint" in str(error).lower():
            return self._error(WRONG, "anything", "its certificate is not the one that was made for this run")
        kind = LATE if meaning.reason == "timeout" else UNREACHABLE
        return self._error(kind, "anything", f"{meaning.text} ({short(error)})", transient=True)

    def _error(self, kind: str, what: str, detail: str, transient: bool = False) -> PeerError:
        return PeerError(
            f"The peer {self.name} ({self._url}) did not give {what}: {detail}.",
            kind=kind,
            transient=transient,
            remedy="It is left out; see its container of the peer server, and the firewall between the hosts.",
            peer=self.name,
            reason=detail,
        )


def _refuse_bad(name: str, url: str, fingerprint: str, token: str) -> str:
    parts = urlsplit(url)
    problem = ""
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        problem = f"{url[:100]!a} is no http or https URL"
    elif parts.scheme == "https" and not _FINGERPRINT.fullmatch(fingerprint):
        problem = "it speaks https, and no sha256 fingerprint of its certificate is given"
    elif not token.isascii() or not token.isprintable():
        problem = "its token has characters that no header can carry"
    if problem:
        raise BadInput(f"The peer {name[:80]!a} cannot be asked: {problem}.", remedy="Correct the list of peers.")
    return parts.scheme


def _pinned(requests: Any, fingerprint: str, connections: int) -> Any:
    """An adapter that believes in one certificate, whoever signed it and whatever names it has."""

    class Pinned(requests.adapters.HTTPAdapter):  # type: ignore[misc]
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            if fingerprint:
                kwargs["assert_fingerprint"] = fingerprint
            super().init_poolmanager(*args, **kwargs)

        def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
            super().cert_verify(conn, url, False if fingerprint else verify, cert)

        def send(self, request: Any, **kwargs: Any) -> Any:
            return super().send(request, **{**kwargs, "verify": kwargs.get("verify", True) and not fingerprint})

    return Pinned(pool_connections=1, pool_maxsize=max(1, connections))
