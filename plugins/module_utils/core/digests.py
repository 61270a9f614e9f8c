# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests: inside Corral always 64 lower-case hexadecimal characters, without a prefix."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from .errors import CorralError

_HEX = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BLOB_PREFIX = "sha256-"


class InvalidDigest(CorralError):
    """The text is no sha256 digest."""

    kind = "bad_digest"


def parse_digest(text: Any) -> str:
    """``sha256:<64 hex>`` or ``<64 hex>``, lower case, to the 64 characters; raises ``InvalidDigest``."""
    if isinstance(text, str):
        digest = text[len("sha256:") :] if text.startswith("sha256:") else text
        if _HEX.fullmatch(digest):
            return digest
    shown = ascii(text)[:100]
    raise InvalidDigest(
        f"{shown} is not a sha256 digest.",
        remedy="Write sha256: and 64 lower-case hexadecimal characters (or the 64 characters alone).",
        digest=shown,
    )


def blob_file(digest: str) -> str:
    """The file name of a blob; refuses anything but a digest, as it becomes part of a path."""
    return _BLOB_PREFIX + parse_digest(digest)


def digest_of_blob_file(filename: str) -> str | None:
    """The digest in a blob's file name, ``None`` for any other name."""
    digest = filename[len(_BLOB_PREFIX) :]
    if filename.startswith(_BLOB_PREFIX) and _HEX.fullmatch(digest):
        return digest
    return None


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
