# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what every manifest names, again and again: a manifest that has not changed is not parsed a second time."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..core.manifests import MAX_MANIFEST_BYTES, InvalidManifest, parse_manifest
from ..core.names import InvalidName, ModelName, from_parts
from ..core.receipts import Stamp
from ..core.references import Named, References, digests_in
from .files import NotAFile, lstat, read_plain, what_is
from .known import known_manifest
from .layout import StorePaths
from .receipts import stamp

_DEPTH = 4
_Found = tuple[Named, str]


class ReferenceReader:
    """``declared`` models are protected by the copy of their manifest also while the manifest itself is gone."""

    def __init__(self, paths: StorePaths, declared: Iterable[ModelName] = ()) -> None:
        self._paths, self._declared = paths, tuple(declared)
        self._cache: dict[str, tuple[Stamp, _Found]] = {}

    def read(self) -> References:
        """As the disk is now. Follows no link: what one may lead to is a blocker."""
        manifests: list[Named] = []
        blockers: list[str] = []
        self._walk((), manifests, blockers)
        there = {one.key for one in manifests}
        for name in self._declared:
            if name.key not in there:
                manifests += self._gone(name)
        return References(tuple(manifests), tuple(blockers))

    def _walk(self, parts: tuple[str, ...], manifests: list[Named], blockers: list[str]) -> None:
        relative = os.path.join("manifests", *parts)
        try:
            entries = list(_entries(os.path.join(self._paths.root, relative)))
        except OSError as error:
            blockers.append(f"{shown(relative)} cannot be listed ({os.strerror(error.errno or 0)})")
            return
        for entry, found in entries:
            below, path = (*parts, entry), os.path.join(relative, entry)
            if stat.S_ISDIR(found.st_mode):
                if len(below) < _DEPTH:
                    self._walk(below, manifests, blockers)
            elif len(below) == _DEPTH:
                named, blocker = self._manifest(path, below, found)
                manifests.append(named)
                blockers += [blocker] if blocker else []
            elif not stat.S_ISREG(found.st_mode):
                blockers.append(f"{shown(path)} is {what_is(found.st_mode)}, which a server may follow")

    def _manifest(self, path: str, parts: tuple[str, ...], found: os.stat_result) -> _Found:
        now = stamp(found)
        if path not in self._cache or self._cache[path][0] != now:
            self._cache[path] = (now, self._parsed(path, parts, found))
        return self._cache[path][1]

    def _parsed(self, path: str, parts: tuple[str, ...], found: os.stat_result) -> _Found:
        name = _name(parts)
        key = name.key if name else tuple(part.lower() for part in parts)
        bare = Named(path, name.display if name else "", key, "", frozenset(), found.st_mtime)
        try:
            raw = read_plain(os.path.join(self._paths.root, path), MAX_MANIFEST_BYTES)
        except (NotAFile, OSError):
            return bare, f"{shown(path)} cannot be read"
        if len(raw) > MAX_MANIFEST_BYTES:
            return bare, f"{shown(path)} is too long for a manifest"
        copy = self._known(name)
        try:
            manifest = parse_manifest(raw)
        except InvalidManifest:
            # what a server makes of it, and what a repair will put back
            named = replace(bare, blobs=digests_in(raw) | (copy or frozenset()), known=copy is not None)
            return named, "" if copy is not None else f"{shown(path)} is no manifest, and no copy tells what it was"
        blobs = frozenset(blob.digest for blob in manifest.blobs)
        if manifest.is_empty:
            blobs |= copy or frozenset()
        return replace(bare, digest=manifest.digest, blobs=blobs), ""

    def _gone(self, name: ModelName) -> list[Named]:
        blobs = self._known(self._paths.known.existing(name))
        path = os.path.relpath(self._paths.manifest(name), self._paths.root)
        return [Named(path, name.display, name.key, "", blobs, known=True)] if blobs else []

    def _known(self, name: ModelName | None) -> frozenset[str] | None:
        raw = known_manifest(self._paths, name) if name else None
        try:
            return frozenset(blob.digest for blob in parse_manifest(raw).blobs) if raw else None
        except InvalidManifest:
            return None


def shown(path: str) -> str:
    """A name may be any bytes; a report is text, and short."""
    return path if path.isprintable() and len(path) < 300 else ascii(path)[1:300]


def _entries(path: str) -> Iterator[tuple[str, os.stat_result]]:
    for entry in sorted(os.listdir(path)):
        found = lstat(os.path.join(path, entry))
        if found is not None:
            yield entry, found


def _name(parts: tuple[str, ...]) -> ModelName | None:
    try:
        return from_parts(parts)
    except InvalidName:
        return None
