# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies in a store beside its models, with sizes as the disk counts them. Only reads, and follows no link."""

from __future__ import annotations

import calendar
import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..core.digests import digest_of_blob_file
from ..core.prune_plan import EMPTY, PARTIAL, QUARANTINE, STAGED, STRAY, TEMP, File, Item
from .files import lstat, os_errors
from .layout import StorePaths
from .quarantine import Quarantined, listed
from .reading import model_names, stored_model

_PARTIAL = re.compile(r"(sha256-[0-9a-f]{64})(-partial(-[0-9]{1,9})?|\.tmp)")
#: what POST /api/blobs, `ollama create` and llama-quantize leave when they are killed
_TEMP = re.compile(r"(sha256-|COPY)[0-9]{1,20}")
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z(?=-)")
_DEEP = 8
#: 4096 is what the kernel takes, 255 the longest name of an entry.
_LONGEST = 4096 - 256 - 1


@dataclass(frozen=True)
class StoredBlob:
    """A well-named plain file in ``blobs/``."""

    digest: str
    file: File


def blobs_and_clutter(paths: StorePaths, now: float) -> tuple[dict[str, StoredBlob], tuple[Item, ...]]:
    """The blobs by digest, and everything else in ``blobs/``."""
    blobs: dict[str, StoredBlob] = {}
    found: list[tuple[str, Item]] = []
    for path, entry in _entries(paths, "blobs"):
        name = os.path.basename(path)
        digest, plain = digest_of_blob_file(name), stat.S_ISREG(entry.st_mode)
        partial = _PARTIAL.fullmatch(name)
        item = Item(STRAY, path, changed_at(entry, now), (file_of(path, entry),))
        if digest and plain:
            blobs[digest] = StoredBlob(digest, item.files[0])
        elif partial and plain:
            found.append((partial[1], replace(item, kind=PARTIAL)))
        elif _TEMP.fullmatch(name) and plain:
            found.append((name, replace(item, kind=TEMP)))
        else:
            keep = "a damaged blob, for the playbook repair" if digest else "neither Ollama nor Corral made it"
            found.append((name, replace(item, keep=keep)))
    return blobs, _grouped(found)


def staged(paths: StorePaths, now: float) -> tuple[Item, ...]:
    """What lies in staging; the files of a model go no earlier than its manifest."""
    young = _young(paths, now)
    top = os.path.relpath(paths.staging.root, paths.root)
    found = []
    for path, entry in _below(paths, top):
        name = os.path.basename(path)
        partial = _PARTIAL.fullmatch(name)
        digest = digest_of_blob_file(partial[1] if partial else name) or ""
        since = max(changed_at(entry, now), young.get(digest, 0.0))
        group = f"{top}/blobs/{partial[1]}" if partial else path
        found.append((group, Item(STAGED, path, since, (file_of(path, entry),))))
    return _grouped(found)


def empty_directories(paths: StorePaths) -> tuple[Item, ...]:
    """Below the manifests of the store and of staging: what a removal that was killed leaves."""
    found: list[Item] = []
    for tree in (paths.manifests, paths.staging.manifests):
        _empty_below(paths, os.path.relpath(tree, paths.root), found, 0)
    return tuple(found)


def leftovers_of_writers(paths: StorePaths, now: float) -> tuple[Item, ...]:
    """Files that a killed run left where it writes before it renames."""
    entries = _below(paths, os.path.relpath(paths.tmp, paths.root))
    return tuple(Item(TEMP, path, changed_at(entry, now), (file_of(path, entry),)) for path, entry in entries)


def set_aside_items(paths: StorePaths, lacking: Iterable[str]) -> tuple[Item, ...]:
    """Quarantine entries; one whose blob the store still lacks stays, as it may be all that is left of it."""
    missing = frozenset(lacking)
    return tuple(_set_aside(paths, entry, missing) for entry in listed(paths))


def tree_bytes(path: str, limit: int = 1_000_000) -> tuple[int, bool]:
    """What a directory takes on the disk, hard links once; False when it has more than ``limit`` entries, or paths that
    are longer than a system call takes."""
    seen: set[tuple[int, int]] = set()
    todo, count, total, whole = [path], 0, 0, True
    with os_errors("look at", path):
        while todo:
            folder = todo.pop()
            if len(os.fsencode(folder)) > _LONGEST:
                whole = False
                continue
            found = lstat(folder)
            if found is None or not stat.S_ISDIR(found.st_mode):
                continue
            total += found.st_blocks * 512
            for entry in _scan(folder):
                count += 1
                if count > limit:
                    return total, False
                inner = lstat(os.path.join(folder, entry))
                if inner is None:
                    continue
                if stat.S_ISDIR(inner.st_mode):
                    todo.append(os.path.join(folder, entry))
                elif (inner.st_dev, inner.st_ino) not in seen:
                    total += inner.st_blocks * 512
                    seen.update([(inner.st_dev, inner.st_ino)] if inner.st_nlink > 1 else ())
    return total, whole


def file_of(path: str, found: os.stat_result) -> File:
    return File(path, found.st_ino, found.st_nlink, found.st_size, found.st_blocks * 512)


def changed_at(found: os.stat_result, now: float) -> float:
    """When bytes, name or links last changed; a time in the future is of a clock that was wrong, and does not count."""
    return max([when for when in (found.st_mtime, found.st_ctime) if when <= now], default=now)


def set_aside_at(path: str, otherwise: float) -> float:
    """The time in the entry's name: that of its directory moves when a removal is interrupted."""
    match = _STAMP.match(os.path.basename(path))
    try:
        return float(calendar.timegm(time.strptime(match[0], "%Y%m%dT%H%M%SZ"))) if match else otherwise
    except ValueError:
        return otherwise


def _set_aside(paths: StorePaths, entry: Quarantined, missing: frozenset[str]) -> Item:
    path = os.path.relpath(entry.path, paths.root)
    since = set_aside_at(entry.path, entry.at)
    digest = digest_of_blob_file(f"sha256-{entry.reason.get('digest')}") or ""
    found = lstat(os.path.join(entry.path, "file"))
    files = (file_of(os.path.join(path, "file"), found),) if found is not None and stat.S_ISREG(found.st_mode) else ()
    keep = "the store still lacks this blob: run the playbook repair first" if digest in missing else ""
    return Item(QUARANTINE, path, since, files, digest=digest, keep=keep)


def _young(paths: StorePaths, now: float) -> dict[str, float]:
    """When the newest staged manifest that names a blob was written."""
    young: dict[str, float] = {}
    for name in model_names(paths.staging):
        model, found = stored_model(paths.staging, name), lstat(paths.staging.manifest(name))
        if model is not None and model.manifest is not None and found is not None:
            for blob in model.manifest.blobs:
                young[blob.digest] = max(young.get(blob.digest, 0.0), changed_at(found, now))
    return young


def _grouped(found: Iterable[tuple[str, Item]]) -> tuple[Item, ...]:
    """The files of one download together, its parts before its data: without these the parts would count as done."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for group, item in found:
        groups.setdefault((item.kind, group), []).append(item)
    return tuple(_one(items) for items in groups.values())


def _one(items: list[Item]) -> Item:
    if len(items) == 1:
        return items[0]
    items = sorted(items, key=lambda item: (len(item.path), item.path), reverse=True)
    files = tuple(file for item in items for file in item.files)
    since = max(item.since or 0.0 for item in items)
    return replace(items[-1], since=since, files=files)


def _empty_below(paths: StorePaths, relative: str, found: list[Item], depth: int) -> bool:
    """Whether nothing but directories lies below."""
    empty = True
    for path, entry in _entries(paths, relative):
        inner = stat.S_ISDIR(entry.st_mode) and depth < _DEEP and _empty_below(paths, path, found, depth + 1)
        found += [Item(EMPTY, path, None)] if inner else []
        empty = empty and inner
    return empty


def _below(paths: StorePaths, relative: str, depth: int = 0) -> Iterator[tuple[str, os.stat_result]]:
    for path, entry in _entries(paths, relative):
        if not stat.S_ISDIR(entry.st_mode):
            yield path, entry
        elif depth < _DEEP:
            yield from _below(paths, path, depth + 1)


def _entries(paths: StorePaths, relative: str) -> Iterator[tuple[str, os.stat_result]]:
    """Paths below the store and what is there; nothing where there is no real directory."""
    folder = os.path.join(paths.root, relative)
    with os_errors("look at", folder):
        top = lstat(folder)
        for name in _scan(folder) if top is not None and stat.S_ISDIR(top.st_mode) else ():
            found = lstat(os.path.join(folder, name))
            if found is not None:
                yield os.path.join(relative, name), found


def _scan(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
