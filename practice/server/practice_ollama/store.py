"""A model store on disk: manifests by name, blobs by digest."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from . import gojson
from .errors import PathError, file_op, make_dirs, write_in_place
from .names import Name

DIGEST = re.compile(r"sha256[:-]([0-9a-fA-F]{64})")


@dataclass(frozen=True)
class Layer:
    media_type: str
    digest: str
    size: int

    @property
    def kind(self) -> str:
        return self.media_type.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Manifest:
    raw: bytes
    config: Optional[Layer]
    layers: tuple[Layer, ...]
    modified_ns: int = 0

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.raw).hexdigest()

    @property
    def everything(self) -> tuple[Layer, ...]:
        """Layers in their order, the config last."""
        return self.layers + ((self.config,) if self.config else ())

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.everything)

    def first(self, kind: str) -> Optional[Layer]:
        return next((layer for layer in self.layers if layer.kind == kind), None)


def _layer(data: Any) -> Layer:
    return Layer(str(data.get("mediaType", "")), str(data.get("digest", "")), int(data.get("size", 0)))


def parse_manifest(raw: bytes, value: Any, modified_ns: int = 0) -> Manifest:
    if not isinstance(value, dict):
        raise gojson.JsonError(f"json: cannot unmarshal {type(value).__name__} into Go value of type manifest.Manifest")
    config = value.get("config") or {}
    layers = tuple(_layer(entry) for entry in value.get("layers") or ())
    return Manifest(raw, _layer(config) if config.get("digest") else None, layers, modified_ns)


class Store:
    def __init__(self, root: str):
        self.root = root
        self.blobs = os.path.join(root, "blobs")
        self.manifests = os.path.join(root, "manifests")

    def blob(self, digest: str) -> str:
        match = DIGEST.fullmatch(digest)
        if not match:
            raise ValueError("invalid digest format")
        return os.path.join(self.blobs, f"sha256-{match.group(1)}")

    def manifest_path(self, name: Name) -> str:
        return os.path.join(self.manifests, *name.parts)

    def read(self, name: Name) -> Manifest:
        """FileNotFoundError, PathError or JsonError when it cannot be read."""
        path = self.manifest_path(name)
        try:
            with open(path, "rb") as stream:
                raw = stream.read()
                modified = os.fstat(stream.fileno()).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(path) from None
        except OSError as error:
            raise PathError("open", path, error.errno or 0) from error
        return parse_manifest(raw, gojson.decode(raw), modified)

    def write(self, name: Name, raw: bytes) -> None:
        """In place, as the real server does it: truncate, then write. Readers can see it half-written."""
        path = self.manifest_path(name)
        make_dirs(os.path.dirname(path))
        write_in_place(path, raw)

    def names(self) -> Iterator[Name]:
        """A name for every file at depth four, valid or not."""
        for host in _children(self.manifests):
            for namespace in _children(host.path):
                for model in _children(namespace.path):
                    for tag in _children(model.path):
                        if not tag.is_dir():
                            yield Name(host.name, namespace.name, model.name, tag.name)

    def existing(self, name: Name) -> Name:
        """The same name in the letters in which it already exists; new parts keep their own."""
        if os.path.exists(self.manifest_path(name)):
            return name
        best, depth = name, 0
        for known in self.names():
            same = 0
            for ours, theirs in zip(name.key, known.key):
                if ours != theirs:
                    break
                same += 1
            if same > depth:
                best, depth = Name(*known.parts[:same], *name.parts[same:]), same
        return best

    def remove_manifest(self, name: Name) -> None:
        path = self.manifest_path(name)
        with file_op("remove", path):
            os.remove(path)
        remove_empty(self.manifests)

    def remove_unused(self, digests: set[str]) -> int:
        """Removes those of `digests` that no readable manifest uses. An unreadable one counts as not using them."""
        for name in list(self.names()):
            try:
                manifest = self.read(name)
            except (FileNotFoundError, PathError, gojson.JsonError):
                continue
            digests = digests - {layer.digest for layer in manifest.everything}
        removed = 0
        for digest in sorted(digests):
            path = self.blob(digest)
            try:
                with file_op("remove", path):
                    os.remove(path)
                removed += 1
            except PathError as error:
                if os.path.exists(path):
                    raise error
        return removed


def _children(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove_empty(path: str, top: bool = True) -> None:
    """Removes the empty directories below `path`."""
    for entry in _children(path):
        if entry.is_dir(follow_symlinks=False):
            remove_empty(entry.path, top=False)
    if not top and not _children(path):
        with file_op("remove", path):
            os.rmdir(path)
