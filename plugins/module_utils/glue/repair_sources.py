# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a good copy may come from: another model tree on the host, a bundle, a registry. None is believed: what it
gives is hashed before it gets a name."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.manifests import Blob, Manifest, parse_manifest
from ..core.names import Key
from ..core.repair_plan import BadBlob, BrokenManifest
from ..registry.blobs import BlobClient
from ..store.bundles import Bundle, open_bundle
from ..store.downloads import Download
from ..store.files import open_plain, os_errors
from ..store.hashing import hash_file
from ..store.layout import ModelTree, StorePaths, store_at
from ..store.reading import has_blob, stored_model

OnBytes = Callable[[int], None]
Answer = TypeVar("Answer")
_PIECE = 1024 * 1024


class Source(Protocol):
    """Every method raises CorralError for what the source has not, or has wrong."""

    label: str

    def manifest(self, broken: BrokenManifest) -> bytes: ...

    def check(self, bad: BadBlob) -> int:
        """The bytes that would have to be fetched over the network."""

    def copy(self, blob: Blob, names: Sequence[Any], download: Download, on_bytes: OnBytes) -> int:
        """Fill the download; returns the bytes that came over the network."""


class Peer:
    """A directory with ``blobs/`` and ``manifests/`` on this host."""

    def __init__(self, path: str, link: bool) -> None:
        self._tree, self._link = ModelTree(store_at(path).root), link
        self.label = "peer"

    def manifest(self, broken: BrokenManifest) -> bytes:
        stored = stored_model(self._tree, broken.name)
        if stored is None or stored.manifest is None:
            raise _lacks(self._tree.root, stored.problem if stored else f"it has no {broken.name.display}")
        if broken.expected and stored.digest != broken.expected:
            raise _lacks(self._tree.root, f"it has {broken.name.display} at {stored.digest[:12]}")
        return stored.raw

    def check(self, bad: BadBlob) -> int:
        path = self._tree.blob(bad.blob.digest)
        if not has_blob(self._tree, bad.blob):
            raise _lacks(self._tree.root, f"{path} is not there in its size")
        found = hash_file(path)
        if found.problem or found.digest != bad.blob.digest:
            raise _lacks(self._tree.root, found.problem or f"its copy hashes to {found.digest[:12]}")
        return 0

    def copy(self, blob: Blob, names: Sequence[Any], download: Download, on_bytes: OnBytes) -> int:
        path = self._tree.blob(blob.digest)
        if not has_blob(self._tree, blob):
            raise _lacks(self._tree.root, f"{path} is not there in its size")
        if self._link and download.link(path):
            return 0
        with os_errors("read", path):
            fd = open_plain(path)
            try:
                while piece := os.pread(fd, _PIECE, download.offset):
                    download.write(piece)
                    on_bytes(len(piece))
            finally:
                os.close(fd)
        return 0


class FromBundle:
    """A bundle as ``store_bundle`` exports it; opened when it is needed, and validated then."""

    def __init__(self, path: str) -> None:
        self._path, self._open = path, None  # type: tuple[str, Bundle | None]
        self.label = "bundle"

    @property
    def _bundle(self) -> Bundle:
        if self._open is None:
            self._open = open_bundle(self._path)
        return self._open

    def manifest(self, broken: BrokenManifest) -> bytes:
        for model in self._bundle.models():
            if model.name.key == broken.name.key and broken.expected in ("", model.manifest.digest):
                return self._bundle.raw_manifest(model)
        raise _lacks(self._path, f"it has no {broken.name.display} {broken.expected[:12]}".rstrip())

    def check(self, bad: BadBlob) -> int:
        self._require(bad.blob)
        with open(os.devnull, "wb") as nowhere:
            found = self._bundle.copy_blob(bad.blob.digest, nowhere.fileno())
        if found.problem:
            raise _lacks(self._path, found.problem)
        return 0

    def copy(self, blob: Blob, names: Sequence[Any], download: Download, on_bytes: OnBytes) -> int:
        self._require(blob)
        download.filled(lambda fd: self._bundle.copy_blob(blob.digest, fd, on_bytes))
        return 0

    def _require(self, blob: Blob) -> None:
        if not self._bundle.has(blob.digest):
            raise _lacks(self._path, f"it has no blob {blob.digest[:12]}")


class FromRegistry:
    """The registry that a model's name names. ``insecure``: the names that are declared so."""

    def __init__(self, client: BlobClient, insecure: frozenset[Key]) -> None:
        self._client, self._insecure = client, insecure
        self.label = "registry"

    def manifest(self, broken: BrokenManifest) -> bytes:
        if broken.expected:
            return self._client.manifest_at(broken.name, broken.expected, broken.insecure).raw
        return self._client.manifest(broken.name, broken.insecure).raw

    def check(self, bad: BadBlob) -> int:
        self._each(bad.names, lambda name: self._client.has(name, bad.blob, name.key in self._insecure))
        return bad.blob.size

    def copy(self, blob: Blob, names: Sequence[Any], download: Download, on_bytes: OnBytes) -> int:
        return self._each(
            names, lambda name: self._client.fetch(name, blob, download, name.key in self._insecure, on_bytes).bytes
        )

    def _each(self, names: Sequence[Any], ask: Callable[[Any], Answer]) -> Answer:
        """Several models have the blob: one name that the registry still knows is enough."""
        for name in names[:-1]:
            try:
                return ask(name)
            except CorralError as error:
                if error.kind not in ("model_not_found", "registry_auth"):
                    raise
        return ask(names[-1])


def sources_from(params: Mapping[str, Any], insecure: frozenset[Key]) -> tuple[Source, ...]:
    """The sources in the order given; nothing is asked yet."""
    found: list[Source] = []
    for entry in params["sources"]:
        path = entry.get("path") or ""
        if (entry["type"] == "registry") == bool(path):
            text = "takes no path" if path else "needs a path"
            raise BadInput(f"A source of the type {entry['type']} {text}.", remedy="Correct the list of sources.")
        if entry["type"] == "peer":
            found.append(Peer(path, bool(entry.get("link"))))
        elif entry["type"] == "bundle":
            found.append(FromBundle(path))
        else:
            client = BlobClient(
                params["registry_endpoints"],
                params["registry_ca_path"],
                params["registry_timeout"],
                retries=params["retries"],
            )
            client.bytes_per_second = params["bytes_per_second"]
            found.append(FromRegistry(client, insecure))
    return tuple(found)


def first(sources: Sequence[Source], ask: Callable[[Source], Answer]) -> tuple[Source, Answer]:
    """The first source that gives an answer; else one error with what each of them said."""
    problems: list[CorralError] = []
    for source in sources:
        try:
            return source, ask(source)
        except CorralError as error:
            problems.append(error)
    kinds = [error.kind for error in problems]
    if len(problems) == 1:
        problems[0].facts["kinds"] = kinds
        raise problems[0]
    text = " ".join(error.message for error in problems) or "No source is given."
    raise CorralError(text, kind="no_source", remedy=problems[-1].remedy if problems else "Give sources.", kinds=kinds)


def unheard_of(error: CorralError) -> bool:
    """A registry said that there is no such model, and no other source spoke against it."""
    kinds = error.facts.get("kinds", ())
    return "model_not_found" in kinds and set(kinds) <= {"model_not_found", "no_source"}


def usable(broken: BrokenManifest, raw: bytes) -> Manifest:
    """The manifest in a source's bytes; raises for one that is no better than what is there."""
    manifest = parse_manifest(raw)
    if manifest.is_empty:
        raise CorralError(f"The manifest of {broken.name.display} names no config or no layer.", kind="bad_manifest")
    if broken.expected and manifest.digest != broken.expected:
        raise CorralError(
            f"The manifest of {broken.name.display} has the digest {manifest.digest}, and {broken.expected} is wanted.",
            kind="digest_unavailable",
        )
    if manifest.digest == broken.stored:
        raise CorralError(f"It has the same manifest of {broken.name.display}, which is wrong.", kind="bad_manifest")
    return manifest


def staged_copy(paths: StorePaths, blob: Blob) -> bool:
    """An earlier run, or a pull that did not end, left the whole blob in staging."""
    if not has_blob(paths.staging, blob):
        return False
    found = hash_file(paths.staging.blob(blob.digest))
    return not found.problem and found.digest == blob.digest


def _lacks(where: str, problem: str) -> CorralError:
    return CorralError(f"{where} cannot help: {problem}.", kind="no_source", remedy="Give another source.", path=where)
