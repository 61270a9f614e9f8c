# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the error texts of a pull mean. The server has no error codes: the texts are all there is, so they are a table.

The texts were recorded on v0.20.7 and v0.32.15; each row has a test that replays its recording.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """One row: a text that matches ``pattern`` means ``kind``; ``reason`` tells apart what has the same kind."""

    pattern: str
    kind: str
    reason: str
    meaning: str
    remedy: str = ""
    transient: bool = False

    def matches(self, text: str) -> bool:
        return re.search(self.pattern, text, re.IGNORECASE) is not None


_NETWORK = "Check that the server's container reaches the registry: name resolution, firewall, proxy (HTTPS_PROXY)."
_MIRROR = "A mirror must answer a blob's GET with status 307 to another host name; a plain OCI registry cannot be used."
_AGAIN = "Run it again: what has been pulled is kept."

# The first match counts, so the more specific texts come first.
CAUSES = (
    Cause(
        r"no space left on device|disk quota exceeded",
        "no_space",
        "disk",
        "the disk of the store is full",
        "Free space there; what an aborted pull has left behind (*-partial*) may be removed while no pull runs.",
    ),
    Cause(
        r"read-only file system",
        "read_only_store",
        "read_only",
        "the server's store is mounted read-only",
        "Serving instances never pull: publish the model with corral.ollama.store_model (role models).",
    ),
    Cause(
        r"permission denied|operation not permitted",
        "store_denied",
        "permission",
        "the server may not write into its store",
        "Check the owner and mode of the store's directories (corral.ollama.digest_check shows them).",
    ),
    Cause(
        r"digest mismatch",
        "digest_mismatch",
        "transfer",
        "what was received is not what the manifest promises, and the server has thrown it away",
        "If it happens again, the registry or something on the way to it gives wrong bytes.",
        transient=True,
    ),
    Cause(
        r"pull model manifest: file does not exist|pull model manifest: 404",
        "model_not_found",
        "unknown",
        "the registry has no such model or tag",
        "Check the spelling of the name and the tag on the registry's page of the model.",
    ),
    Cause(
        r"\b412\b|newer version of ollama",
        "needs_newer_server",
        "version",
        "the model needs a newer Ollama than this server",
        "Choose a newer image (corral_image) or an older tag of the model.",
    ),
    Cause(
        r"realm host|\b401\b|unauthorized|id_ed25519",
        "registry_auth",
        "auth",
        "the registry asks for credentials that the server does not have or may not send there",
        "Only public models can be pulled; check the registry's token realm.",
    ),
    Cause(
        r"does not look like a tls handshake|http response to https client",
        "registry_tls",
        "plain_http",
        "the registry speaks HTTP, and HTTPS was expected",
        "Set insecure for this model if that is meant.",
    ),
    Cause(
        r"x509:|tls: (?!handshake timeout)",
        "registry_tls",
        "certificate",
        "the registry's TLS certificate was not accepted",
        "Give the server the certificate of the authority that signed it (SSL_CERT_FILE), and check the clock.",
    ),
    Cause(
        r"no such host|server misbehaving",
        "registry_unreachable",
        "dns",
        "the registry's name cannot be resolved",
        _NETWORK,
        True,
    ),
    Cause(
        r"connection refused",
        "registry_unreachable",
        "refused",
        "nothing listens at the registry's address",
        _NETWORK,
        True,
    ),
    Cause(
        r"max retries exceeded",
        "registry_unreachable",
        "connection_lost",
        "the connection to the registry was lost in the middle of a blob and did not come back",
        _AGAIN,
        True,
    ),
    Cause(
        r"i/o timeout|handshake timeout|network is unreachable|no route to host|connection reset|proxyconnect|dial tcp",
        "registry_unreachable",
        "network",
        "the registry cannot be reached",
        _NETWORK,
        True,
    ),
    Cause(
        r"no location header",
        "registry_error",
        "no_redirect",
        "the registry sends blobs itself, without a redirect, and Ollama cannot pull that",
        _MIRROR,
    ),
    Cause(
        r"unexpected status code 30\d",
        "registry_error",
        "wrong_redirect",
        "the registry redirects blobs with another status than 307, and Ollama cannot pull that",
        _MIRROR,
    ),
    Cause(
        r"context deadline exceeded",
        "registry_error",
        "blob_forbidden",
        "the registry went on refusing a blob until the server gave up",
        "Check that the registry, and the host to which it redirects, let this host download.",
        True,
    ),
    Cause(
        r"\b429\b|too many requests",
        "registry_busy",
        "rate_limit",
        "the registry limits the rate of requests",
        "Wait and run it again, or pull from a mirror.",
        True,
    ),
    Cause(r"\b5\d\d:", "registry_error", "registry_failed", "the registry failed", _AGAIN, True),
    Cause(
        r"unexpected end of json|invalid character|cannot unmarshal",
        "registry_error",
        "bad_manifest",
        "the registry's manifest is not JSON",
        "Check what the registry, or a proxy before it, answers.",
        True,
    ),
    Cause(
        r"rename .*no such file|remove .*no such file|^eof$",
        "store_conflict",
        "partials",
        "files of this download vanished or are damaged: someone else pulls into the same store, or an aborted "
        "pull left a bad *-partial-N file",
        "Let one server at a time write to a store; if it stays, remove the model's *-partial* files.",
        True,
    ),
    Cause(
        r"file does not exist",
        "registry_error",
        "blob_missing",
        "the registry has the manifest, but not all of its blobs",
        "Pull another tag or push it again.",
        True,
    ),
    Cause(
        r"invalid model name|model is required|missing request body",
        "bad_name",
        "name",
        "the server does not accept the name",
        "A name is [host/][namespace/]model[:tag].",
    ),
)

_UNKNOWN = Cause("", "registry_error", "unknown", "the pull failed", _AGAIN, True)


def cause_of(text: str) -> Cause:
    """The row for an error text of a pull."""
    return next((cause for cause in CAUSES if cause.matches(text)), _UNKNOWN)
