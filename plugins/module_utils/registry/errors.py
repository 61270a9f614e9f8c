# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry's refusal or silence means, by HTTP status and by the kind of network failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import CorralError


class RegistryError(CorralError):
    """The registry could not tell what it was asked. ``transient`` says whether asking again may help."""

    kind = "registry_error"

    def __init__(self, message: str, *, transient: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.transient = transient


@dataclass(frozen=True)
class Meaning:
    kind: str
    reason: str
    text: str
    remedy: str
    transient: bool = False


_REACH = "Check name resolution, firewall and proxy on this host, or give the registry's address in registry_endpoints."

UNKNOWN_MODEL = Meaning(
    "model_not_found",
    "unknown",
    "it has no such model or tag",
    "Check the spelling of the name and the tag.",
)
AUTH = Meaning(
    "registry_auth",
    "auth",
    "it wants credentials for this model",
    "Only public models work; check the name.",
)
NEWER = Meaning(
    "needs_newer_server",
    "version",
    "the model needs a newer Ollama",
    "Choose a newer image (corral_image) or an older tag of the model.",
)
BUSY = Meaning("registry_busy", "rate_limit", "it limits the rate of requests", "Wait and run it again.", True)
FAILED = Meaning("registry_error", "registry_failed", "it failed", "Run it again; if it stays, see its log.", True)
ODD = Meaning("registry_error", "odd_status", "it gave an unexpected answer", "Check registry_endpoints.")
BAD_MANIFEST = Meaning(
    "registry_error",
    "bad_manifest",
    "its answer is no manifest",
    "Check what the registry, or a proxy before it, answers, and registry_endpoints.",
)
UNKNOWN_BLOB = Meaning(
    "model_not_found",
    "unknown_blob",
    "it has no such blob",
    "The model may have moved on there: take it from a peer or a bundle.",
)
MOVED = Meaning(
    "digest_unavailable",
    "moved",
    "its tag has moved on",
    "Take the model from a peer or a bundle, or pin what is served now after a review.",
)
WRONG_SIZE = Meaning(
    "registry_error",
    "wrong_size",
    "it sends another number of bytes than the manifest says",
    "Check what stands between this host and the registry, and registry_endpoints.",
)
PLAIN_HTTP = Meaning(
    "registry_tls",
    "plain_http",
    "it speaks HTTP, and HTTPS was expected",
    "Set insecure if that is meant.",
)
CERTIFICATE = Meaning(
    "registry_tls",
    "certificate",
    "its TLS certificate was not accepted",
    "Give the certificate of the authority that signed it as registry_ca_path, and check the clock.",
)
DNS = Meaning("registry_unreachable", "dns", "its name cannot be resolved", _REACH, True)
REFUSED = Meaning("registry_unreachable", "refused", "nothing listens at its address", _REACH, True)
LATE = Meaning("registry_unreachable", "timeout", "it did not answer in time", _REACH, True)
LOST = Meaning("registry_unreachable", "network", "the connection failed", _REACH, True)

_BY_STATUS = {401: AUTH, 403: AUTH, 404: UNKNOWN_MODEL, 412: NEWER, 429: BUSY}

# requests wraps what urllib3 wraps; across their versions only the texts have stayed the same.
_BY_TEXT = (
    (("wrong version number", "record layer failure", "packet length too long"), PLAIN_HTTP),
    (("certificate", "ssl", "tls", "ca bundle"), CERTIFICATE),
    (("name or service not known", "name resolution", "nodename nor servname", "getaddrinfo", "no address"), DNS),
    (("connection refused",), REFUSED),
    (("timed out", "timeout"), LATE),
)


def by_status(status: int) -> Meaning:
    """What an HTTP status from 300 up means for a manifest."""
    return _BY_STATUS.get(status, FAILED if status >= 500 else ODD)


def by_failure(error: BaseException) -> Meaning:
    """What an exception of ``requests`` means."""
    text = str(error).lower()
    return next((meaning for words, meaning in _BY_TEXT if any(word in text for word in words)), LOST)


def registry_error(meaning: Meaning, model: str, registry: str, detail: str, **facts: Any) -> RegistryError:
    """The error for one model at one registry (``registry``: its name, and its address where that differs)."""
    return RegistryError(
        f"Asking the registry {registry} for {model} failed: {meaning.text} ({detail}).",
        kind=meaning.kind,
        remedy=meaning.remedy,
        transient=meaning.transient,
        model=model,
        registry=registry,
        reason=meaning.reason,
        **facts,
    )
