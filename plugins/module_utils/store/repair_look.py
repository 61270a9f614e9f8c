# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking for what a repair mends: what blobs hash to (by receipt, where one speaks for the file), and entries that
no server should meet, by their real names."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Callable, Collection, Iterable, Iterator

from ..core.digests import blob_file, digest_of_blob_file
from ..core.findings import Finding
from ..core.manifests import InvalidManifest, Manifest, parse_manifest
from ..core.names import InvalidName, Key, ModelName, from_parts
from ..core.receipts import Receipt
from ..core.repair_plan import BLOCKED, EMPTY, LEFT, ODD_NAME, OLD_NAME, STUCK, Odd
from ..core.store_verdict import Content, Seen, blobs_to_hash
from .downloads import download_digest
from .files import lstat, what_is
from .hashing import Hashed, hash_file, hash_files
from .known import known_manifest
from .layout import StorePaths
from .partials import fetch_digest, stuck_parts
from .receipts import ReceiptFile, stamp_of
from .scan import hollow

_OLD_PREFIX = "sha256:"
_OLD_STYLE = re.compile(r"sha256:([0-9a-fA-F]{64})")
_DEPTH = 4
_MAX_BELOW = 10_000
_GIVEN_UP = 7 * 86400.0


def contents(
    paths: StorePaths, seen: Seen, full: bool, threads: int, on_done: Callable[[Hashed], None] | None = None
) -> tuple[dict[str, Content], tuple[Receipt, ...]]:
    """What every plain blob hashes to, and the receipts of those that were read for it (all of them, if ``full``).

    One of a wrong size is read too, as it may be the manifest that is wrong; but not if it is a hole for the most part.
    """
    receipts = {} if full else ReceiptFile(paths).load()
    known: dict[str, Content] = {}
    unread: list[tuple[str, int]] = []
    stamps = {}
    asked = {blob.digest for blob in blobs_to_hash(seen, None)}
    for blob in seen.blobs.values():
        if blob.problem or (blob.hollow and blob.digest not in asked):
            continue
        path = paths.blob(blob.digest)
        stamp = stamp_of(path)
        receipt = receipts.get(blob.digest)
        if receipt is not None and receipt.matches(stamp):
            known[blob.digest] = Content(receipt.found)
        else:
            stamps[path] = stamp
            unread.append((path, blob.size))
    fresh = []
    for hashed in hash_files(unread, threads, on_done) if unread else ():
        digest = digest_of_blob_file(os.path.basename(hashed.path)) or ""
        known[digest] = Content(hashed.digest, hashed.problem)
        stamp = stamps[hashed.path]
        if not hashed.problem and stamp is not None and stamp == stamp_of(hashed.path):
            fresh.append(Receipt(digest, hashed.digest, stamp, time.time()))
    return known, tuple(fresh)


def bad_modes(paths: StorePaths, seen: Seen, files: bool, directories: bool) -> tuple[Finding, ...]:
    """What some server could not read, or others than the owner could change; where no exact mode is asked for."""
    found = []
    plain = [f"blobs/{blob_file(blob.digest)}" for blob in seen.blobs.values() if not blob.problem]
    for path in (*plain, *(model.path for model in seen.models)) if files else ():
        found += _mode(paths, path, stat.S_ISREG, 0o444, 0o644)
    for path in ("blobs", "manifests", *_directories(paths, ())) if directories else ():
        found += _mode(paths, path, stat.S_ISDIR, 0o755, 0o755)
    return tuple(found)


def _mode(paths: StorePaths, path: str, right: Callable[[int], bool], least: int, wanted: int) -> list[Finding]:
    entry = lstat(os.path.join(paths.root, path))
    if entry is None or not right(entry.st_mode) or not path.isprintable():
        return []
    mode = stat.S_IMODE(entry.st_mode)
    if mode & least == least and not mode & 0o022:
        return []
    text = f"{path} has the mode {mode:04o}: not every server can read it, or others can change it."
    return [Finding("wrong_mode", path, text, expected=f"{wanted:04o}", found=f"{mode:04o}")]


def _directories(paths: StorePaths, parts: tuple[str, ...]) -> Iterator[str]:
    for entry, found in _entries(os.path.join(paths.manifests, *parts)):
        if stat.S_ISDIR(found.st_mode) and len(parts) < _DEPTH - 1:
            yield "/".join(("manifests", *parts, entry))
            yield from _directories(paths, (*parts, entry))


def known_manifests(paths: StorePaths, names: Iterable[ModelName]) -> dict[Key, Manifest]:
    """What was published under these names, as far as Corral did it and the copies are readable."""
    found: dict[Key, Manifest] = {}
    for name in names:
        raw = known_manifest(paths, paths.known.existing(name))
        try:
            manifest = parse_manifest(raw) if raw is not None else None
        except InvalidManifest:
            continue
        if manifest is not None and not manifest.is_empty:
            found[name.key] = manifest
    return found


def odd_entries(paths: StorePaths) -> tuple[Odd, ...]:
    """Everything below ``blobs/`` and ``manifests/`` that is in a server's way, and stuck parts in staging."""
    return (*_in_blobs(paths), *_in_manifests(paths, ()), *_stuck(paths))


def left_downloads(paths: StorePaths, needed: Collection[str]) -> tuple[Odd, ...]:
    """Parts of downloads of an earlier repair that nobody needs any more."""
    return tuple(
        _odd(LEFT, "partial", relative, "is the rest of a repair that is not needed any more", digest)
        for name, found in _entries(paths.staging.blobs)
        for digest in (download_digest(name) or _given_up(paths, name, found),)
        for relative in (os.path.relpath(os.path.join(paths.staging.blobs, name), paths.root),)
        if digest and digest not in needed
    )


def _given_up(paths: StorePaths, name: str, found: os.stat_result) -> str:
    """The digest of a fetch from peers that nobody will go on with: it has ended, or nobody did for a week."""
    digest = fetch_digest(name)
    return digest if digest and (lstat(paths.blob(digest)) or time.time() - found.st_mtime > _GIVEN_UP) else ""


def _in_blobs(paths: StorePaths) -> Iterator[Odd]:
    for name, found in _entries(paths.blobs):
        relative = f"blobs/{name}"
        if name.startswith(_OLD_PREFIX):
            match = _OLD_STYLE.fullmatch(name)
            digest = match[1].lower() if match else ""
            worth_it = digest and stat.S_ISREG(found.st_mode) and not hollow(found)
            hashed = hash_file(os.path.join(paths.blobs, name)) if worth_it else None
            text = "has an old name that keeps a read-only server from starting"
            yield _odd(OLD_NAME, "bad_name", relative, text, digest, hashed.digest if hashed else "")
        elif stat.S_ISDIR(found.st_mode) and digest_of_blob_file(name) is None and _old_below(paths, name):
            text = "is a directory with old names in it; they keep a read-only server from starting"
            yield _odd(ODD_NAME, "bad_name", relative, text)


def _old_below(paths: StorePaths, directory: str) -> bool:
    """A server renames them in every depth. So many entries are looked at, and no more."""
    count = 0
    for _folder, folders, files in os.walk(os.path.join(paths.blobs, directory)):
        if any(name.startswith(_OLD_PREFIX) for name in (*folders, *files)):
            return True
        count += len(folders) + len(files)
        if count > _MAX_BELOW:
            return False
    return False


def _in_manifests(paths: StorePaths, parts: tuple[str, ...]) -> Iterator[Odd]:
    for entry, found in _entries(os.path.join(paths.manifests, *parts)):
        below = (*parts, entry)
        relative = "/".join(("manifests", *below))
        directory, plain = stat.S_ISDIR(found.st_mode), stat.S_ISREG(found.st_mode)
        if not entry.isprintable():
            yield _odd(ODD_NAME, "bad_name", relative, "has a name that is no text")
        elif len(below) == _DEPTH:
            yield from _at_a_manifest(relative, below, directory)
        elif directory:
            if os.listdir(os.path.join(paths.manifests, *below)):
                yield from _in_manifests(paths, below)
            else:
                text = "is an empty directory; it keeps a read-only server that prunes from starting"
                yield _odd(EMPTY, "stray", relative, text)
        elif not plain:
            text = f"is {what_is(found.st_mode)} where only directories belong; a server may follow it"
            yield _odd(ODD_NAME, "bad_name", relative, text)


def _at_a_manifest(relative: str, parts: tuple[str, ...], directory: bool) -> Iterator[Odd]:
    try:
        name = from_parts(parts)
    except InvalidName:
        yield _odd(ODD_NAME, "bad_name", relative, "is no name of a model; it switches off pruning")
        return
    if directory:
        yield _odd(BLOCKED, "stray", relative, "is a directory where manifests lie", name=name)


def _stuck(paths: StorePaths) -> Iterator[Odd]:
    for tree in (paths, paths.staging):
        for digest, names in stuck_parts(tree).items():
            for name in names:
                relative = os.path.relpath(os.path.join(tree.blobs, name), paths.root)
                yield _odd(STUCK, "partial", relative, "is part of a pull that can only fail", digest)


def _odd(
    what: str, kind: str, relative: str, text: str, digest: str = "", found: str = "", name: ModelName | None = None
) -> Odd:
    shown = relative if relative.isprintable() and len(relative) < 300 else ascii(relative)[1:300]
    return Odd(what, kind, relative, shown, f"{shown} {text}.", digest, found, name)


def _entries(path: str) -> Iterator[tuple[str, os.stat_result]]:
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    for name in names:
        found = lstat(os.path.join(path, name))
        if found is not None:
            yield name, found
