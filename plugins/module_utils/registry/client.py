# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking a registry for a manifest, as Ollama does, without pulling anything. Public models need no credentials."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from ..core.errors import CorralError
from ..core.libraries import require
from ..core.manifests import MAX_MANIFEST_BYTES, InvalidManifest, Manifest, parse_manifest
from ..core.names import ModelName
from ..registry.errors import BAD_MANIFEST, RegistryError, by_failure, by_status, registry_error

# Without this header a plain registry answers 400.
ACCEPT = "application/vnd.docker.distribution.manifest.v2+json"

# Not "ollama/…": the public registry refuses manifests to versions that it thinks too old.
USER_AGENT = "corral.ollama"

_LOCAL = ("localhost", "127.", "::1")


@dataclass(frozen=True)
class RemoteManifest:
    """A manifest as the registry serves it; ``digest`` (64 hex) is the sha256 of the raw bytes."""

    raw: bytes
    digest: str
    manifest: Manifest


class RegistryClient:
    """``endpoints`` maps a registry's host to the base URL under which this host reaches it.

    ``timeout`` in seconds is for connecting and for each read; what may pass is asked again ``retries`` times.
    """

    def __init__(
        self,
        endpoints: Mapping[str, str] | None = None,
        ca_path: str | None = None,
        timeout: float = 30.0,
        *,
        retries: int = 2,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoints = {host.lower(): str(url).rstrip("/") for host, url in (endpoints or {}).items()}
        self._ca_path = ca_path or None
        self._timeout, self._retries, self._sleep = timeout, retries, sleep
        self._requests = require("requests")
        self._check()

    def manifest(self, name: ModelName, insecure: bool = False, reference: str = "") -> RemoteManifest:
        """The manifest of ``name``; raises RegistryError. ``insecure`` means HTTP where no endpoint is given.

        ``reference`` (``sha256:<64 hex>``) asks for that one instead of the tag; not every registry knows them so.
        """
        for attempt in range(self._retries):
            try:
                return self._ask(name, insecure, reference)
            except RegistryError as error:
                if not error.transient:
                    raise
            self._sleep(0.5 * 2**attempt)
        return self._ask(name, insecure, reference)

    def base_url(self, host: str, insecure: bool = False) -> str:
        return self._endpoints.get(host.lower()) or f"{'http' if insecure else 'https'}://{host}"

    def reached_at(self, url: str) -> str:
        """``url`` as this host reaches it: a redirect may lead to a host that has an endpoint too."""
        parts = urlsplit(url)
        endpoint = self._endpoints.get(parts.netloc.lower())
        return endpoint + urlunsplit(("", "", parts.path or "/", parts.query, "")) if endpoint else url

    def called(self, name: ModelName, insecure: bool = False) -> str:
        """The registry of ``name`` for messages: its name, and its address where that differs."""
        base = self.base_url(name.host, insecure)
        return name.host if urlsplit(base).netloc == name.host else f"{name.host} (at {base})"

    def _check(self) -> None:
        """Settings that cannot work are refused before anything is asked."""
        bad = [url for url in self._endpoints.values() if urlsplit(url).scheme not in ("http", "https")]
        if bad:
            raise CorralError(
                f"registry_endpoints has {bad[0]!r}, which is no http or https URL.",
                kind="bad_input",
                remedy='Write it as {"registry.ollama.ai": "https://mirror.example.com"}.',
            )
        if self._ca_path and not os.access(self._ca_path, os.R_OK):
            raise CorralError(
                f"registry_ca_path {self._ca_path} cannot be read on this host.",
                kind="bad_input",
                remedy="Put the certificates of the registry's authority there.",
                path=self._ca_path,
            )

    def _ask(self, name: ModelName, insecure: bool, reference: str) -> RemoteManifest:
        base, registry = self.base_url(name.host, insecure), self.called(name, insecure)
        url = f"{base}/v2/{name.namespace}/{name.model}/manifests/{reference or name.tag}"
        try:
            status, raw = self._get(url)
        except (self._requests.RequestException, OSError) as error:
            raise registry_error(by_failure(error), name.display, registry, short(error), url=url) from error
        if status != 200:
            detail = f"status {status}: {short(raw.decode('utf-8', 'replace'))}"
            raise registry_error(by_status(status), name.display, registry, detail, url=url, status=status)
        try:
            manifest = parse_manifest(raw)
        except InvalidManifest as error:
            raise registry_error(BAD_MANIFEST, name.display, registry, error.message, url=url) from error
        if manifest.is_empty:
            # Ollama installs such a thing and says success.
            raise registry_error(BAD_MANIFEST, name.display, registry, "it names no config or no layer", url=url)
        return RemoteManifest(raw, manifest.digest, manifest)

    def _get(self, url: str) -> tuple[int, bytes]:
        with self._requests.Session() as session:
            # A proxy from the environment is for the internet, not for a mirror on this host.
            session.trust_env = not local(url)
            headers = {"Accept": ACCEPT, "User-Agent": USER_AGENT}
            verify: Any = self._ca_path or True
            with session.get(url, headers=headers, timeout=self._timeout, verify=verify, stream=True) as response:
                return response.status_code, _body(response)


def local(url: str) -> bool:
    """Whether a URL leads to this host itself."""
    return (urlsplit(url).hostname or "").startswith(_LOCAL)


def _body(response: Any) -> bytes:
    """At most one byte more than a manifest may have: enough to see that it is too long."""
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(65536):
        parts.append(part)
        size += len(part)
        if size > MAX_MANIFEST_BYTES:
            break
    return b"".join(parts)


def short(value: object) -> str:
    """Foreign text for a message: one line, and not a long one."""
    return " ".join(str(value).split())[:200] or "no text"
