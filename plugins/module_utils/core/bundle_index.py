# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bundle of models is an OCI image layout in a tar. Its names, its two JSON documents, and what a manifest adds to
what may be in it. All of it is untrusted when it is read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .digests import InvalidDigest, parse_digest
from .errors import CorralError
from .manifests import MAX_MANIFEST_BYTES, Blob, InvalidManifest, Manifest, parse_manifest
from .names import InvalidName, ModelName, parse_name

LAYOUT_MEMBER = "oci-layout"
INDEX_MEMBER = "index.json"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
MAX_LAYOUT_BYTES = 4096
MAX_INDEX_BYTES = 1024 * 1024
#: Of all manifests together. More than any fleet has, and little enough to be held in memory.
MAX_BLOBS = 65536

_BLOBS = "blobs/sha256/"
_REF_NAME = "org.opencontainers.image.ref.name"
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


class BadBundle(CorralError):
    """The file is no bundle, or not a whole one."""

    kind = "bad_bundle"


@dataclass(frozen=True)
class Entry:
    """One model of the index; ``digest`` and ``size`` are those of its manifest."""

    name: ModelName
    digest: str
    size: int


def blob_member(digest: str) -> str:
    """The member that holds a blob."""
    return _BLOBS + parse_digest(digest)


def digest_of_member(name: str) -> str | None:
    """The digest in a member's name, ``None`` for any other name."""
    digest = name[len(_BLOBS) :]
    try:
        return digest if name.startswith(_BLOBS) and parse_digest(digest) == digest else None
    except InvalidDigest:
        return None


def index_bytes(entries: Iterable[Entry]) -> bytes:
    """The same models give the same bytes, in whatever order they come."""
    manifests = [
        {
            "mediaType": _MANIFEST_TYPE,
            "digest": f"sha256:{entry.digest}",
            "size": entry.size,
            "annotations": {_REF_NAME: entry.name.full},
        }
        for entry in sorted(entries, key=lambda entry: (entry.name.key, entry.name.parts))
    ]
    document = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": manifests}
    return json.dumps(document, separators=(",", ":")).encode()


def check_layout(raw: bytes) -> None:
    """Raise unless it is the marker of an image layout that is understood here."""
    document = _object(raw, LAYOUT_MEMBER)
    version = document.get("imageLayoutVersion")
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise BadBundle(f"Its {LAYOUT_MEMBER} has the version {ascii(version)[:40]}, and 1.x is understood.")


def parse_index(raw: bytes) -> tuple[Entry, ...]:
    """The models of an index, in its order. No name is there twice, in whatever case."""
    document = _object(raw, INDEX_MEMBER)
    manifests = document.get("manifests")
    if document.get("schemaVersion") != 2 or not isinstance(manifests, list):
        raise BadBundle(f"Its {INDEX_MEMBER} is no OCI image index of schema version 2.")
    entries = tuple(_entry(descriptor, number) for number, descriptor in enumerate(manifests, start=1))
    if not entries:
        raise BadBundle(f"Its {INDEX_MEMBER} names no model.")
    seen: set[tuple[str, ...]] = set()
    for entry in entries:
        if entry.name.key in seen:
            raise BadBundle(f"Its {INDEX_MEMBER} names {entry.name.display} twice.")
        seen.add(entry.name.key)
    return entries


def manifest_of(entry: Entry, raw: bytes) -> Manifest:
    """The manifest of an entry in its bytes; raises unless they are what the index says, and a model can be served."""
    if len(raw) != entry.size:
        raise BadBundle(f"The manifest of {entry.name.display} has {len(raw)} bytes, and the index says {entry.size}.")
    try:
        manifest = parse_manifest(raw)
    except InvalidManifest as error:
        raise BadBundle(f"The manifest of {entry.name.display} cannot be used: {error.message}") from None
    if manifest.digest != entry.digest:
        raise BadBundle(
            f"The manifest of {entry.name.display} hashes to {manifest.digest}, and the index says {entry.digest}."
        )
    if manifest.is_empty:
        raise BadBundle(f"The manifest of {entry.name.display} names no config or no layer.")
    return manifest


def expected_sizes(entries: Iterable[tuple[Entry, Manifest]]) -> dict[str, int]:
    """Every digest that a bundle of these models holds, with its size; raises where two of them disagree."""
    sizes: dict[str, int] = {}
    for entry, manifest in entries:
        for digest, size in ((entry.digest, entry.size), *((blob.digest, blob.size) for blob in manifest.blobs)):
            if sizes.setdefault(digest, size) != size:
                raise BadBundle(f"Two manifests give two sizes for the blob {digest}.")
    return sizes


def in_order(models: Iterable[tuple[Entry, Manifest]]) -> tuple[Blob, ...]:
    """What a bundle holds, in the order of its members: manifests, configs, layers; each digest once."""
    ordered = sorted(models, key=lambda pair: (pair[0].name.key, pair[0].name.parts))
    manifests = [Blob(entry.digest, entry.size) for entry, _manifest in ordered]
    configs = [manifest.config for _entry, manifest in ordered if manifest.config]
    layers = [layer for _entry, manifest in ordered for layer in manifest.layers]
    unique: dict[str, Blob] = {}
    for blob in (*manifests, *configs, *layers):
        unique.setdefault(blob.digest, blob)
    return tuple(unique.values())


def check_members(sizes: Mapping[str, int], members: Mapping[str, int]) -> None:
    """Raise unless the blobs in the archive (by digest, with their sizes) are exactly those that are expected."""
    for digest, size in sizes.items():
        if digest not in members:
            raise BadBundle(f"It lacks the blob {digest}, which its manifests name.", digest=digest)
        if members[digest] != size:
            raise BadBundle(f"Its blob {digest} has {members[digest]} bytes, not {size}.", digest=digest)
    foreign = sorted(set(members) - set(sizes))
    if foreign:
        raise BadBundle(f"It holds the blob {foreign[0]}, which none of its manifests names.", digest=foreign[0])


def _object(raw: bytes, member: str) -> dict[str, Any]:
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadBundle(f"Its {member} is not JSON.") from None
    if not isinstance(document, dict):
        raise BadBundle(f"Its {member} is not a JSON object.")
    return document


def _entry(descriptor: Any, number: int) -> Entry:
    where = f"Entry {number} of its {INDEX_MEMBER}"
    annotations = descriptor.get("annotations") if isinstance(descriptor, dict) else None
    if not isinstance(annotations, dict):
        raise BadBundle(f"{where} has no annotation {_REF_NAME} that would name a model.")
    try:
        name = parse_name(annotations.get(_REF_NAME, ""))
        digest = parse_digest(descriptor.get("digest"))
    except (InvalidName, InvalidDigest) as error:
        raise BadBundle(f"{where} cannot be used: {error.message}") from None
    size = descriptor.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 < size <= MAX_MANIFEST_BYTES:
        raise BadBundle(f"{where} ({name.display}) has no size between 1 and {MAX_MANIFEST_BYTES}.")
    if name.is_cloud:
        raise BadBundle(f"{where} is {name.display}, a cloud model, which no store can hold.")
    return Entry(name, digest, size)
