# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests as Ollama and its registry write them. Their text is untrusted: what is read here is validated here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .digests import InvalidDigest, parse_digest, sha256_bytes
from .errors import CorralError

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
_MAX_BLOB_BYTES = 2**50
_MAX_LAYERS = 4096


class InvalidManifest(CorralError):
    """The bytes are no manifest that can be trusted."""

    kind = "bad_manifest"


@dataclass(frozen=True)
class Blob:
    """A config or layer as a manifest names it; ``size`` in bytes."""

    digest: str
    size: int
    media_type: str = ""


@dataclass(frozen=True)
class Manifest:
    """``digest`` and ``size`` are those of the manifest's own bytes, as ``/api/tags`` gives the digest."""

    digest: str
    size: int
    config: Blob | None
    layers: tuple[Blob, ...]

    @cached_property
    def blobs(self) -> tuple[Blob, ...]:
        """Config and layers, each digest once."""
        every = ((self.config,) if self.config else ()) + self.layers
        return tuple({blob.digest: blob for blob in every}.values())

    @property
    def total_size(self) -> int:
        """The size that ``/api/tags`` shows: what the manifest claims for config and layers."""
        return (self.config.size if self.config else 0) + sum(layer.size for layer in self.layers)

    @property
    def content_key(self) -> tuple[str, ...]:
        """Equal for equal content, also where an Ollama before 0.19 wrote the JSON anew."""
        return (self.config.digest if self.config else "", *(layer.digest for layer in self.layers))

    @property
    def is_empty(self) -> bool:
        """No config or no layer: Ollama lists it, and it cannot answer."""
        return self.config is None or not self.layers


def parse_manifest(raw: bytes, limit: int = MAX_MANIFEST_BYTES) -> Manifest:
    """Untrusted bytes to a ``Manifest``; raises ``InvalidManifest``. ``{}`` is accepted, and ``is_empty``."""
    if len(raw) > limit:
        raise InvalidManifest(f"The manifest is longer than {limit} bytes.")
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidManifest("The manifest is not JSON." if raw else "The manifest is empty.") from None
    if not isinstance(document, dict):
        raise InvalidManifest("The manifest is not a JSON object.")
    config = document.get("config")
    layers = document.get("layers")
    if layers is not None and (not isinstance(layers, list) or len(layers) > _MAX_LAYERS):
        raise InvalidManifest(f"The manifest's layers are not a list of at most {_MAX_LAYERS}.")
    manifest = Manifest(
        digest=sha256_bytes(raw),
        size=len(raw),
        config=None if config is None else _blob(config, "config"),
        layers=tuple(_blob(layer, f"layer {index}") for index, layer in enumerate(layers or ())),
    )
    _refuse_two_sizes((*manifest.layers, *((manifest.config,) if manifest.config else ())))
    return manifest


def _blob(entry: Any, where: str) -> Blob:
    if not isinstance(entry, dict):
        raise InvalidManifest(f"The manifest's {where} is not an object.")
    try:
        text = entry.get("digest")
        digest = parse_digest(text)
    except InvalidDigest as error:
        raise InvalidManifest(f"The manifest's {where} has a bad digest: {error.message}") from None
    if not str(text).startswith("sha256:"):
        raise InvalidManifest(f"The manifest's {where} has a digest without sha256: before it.")
    size = entry.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _MAX_BLOB_BYTES:
        raise InvalidManifest(f"The manifest's {where} has no size between 0 and {_MAX_BLOB_BYTES}.")
    media_type = entry.get("mediaType", "")
    if not isinstance(media_type, str) or len(media_type) > 255:
        raise InvalidManifest(f"The manifest's {where} has a media type that is no short text.")
    return Blob(digest, size, media_type)


def _refuse_two_sizes(blobs: Iterable[Blob]) -> None:
    sizes: dict[str, int] = {}
    for blob in blobs:
        if sizes.setdefault(blob.digest, blob.size) != blob.size:
            raise InvalidManifest(f"The manifest gives two sizes for the blob {blob.digest[:12]}.")
