# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at everything in a store. Only reads; follows no link, opens no pipe, and trusts no name."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..core.digests import digest_of_blob_file
from ..core.findings import Finding
from ..core.manifests import MAX_MANIFEST_BYTES, InvalidManifest, parse_manifest
from ..core.names import InvalidName, from_parts
from ..core.store_verdict import Seen, SeenBlob, SeenModel
from .files import NotAFile, lstat, read_plain, what_is
from .layout import ModelTree
from .receipts import stamp
from .trees import require_tree

_PARTIAL = re.compile(r"sha256-[0-9a-f]{64}-partial(-[0-9]+)?|sha256-[0-9a-f]{64}\.tmp")
_OLD_STYLE = re.compile(r"sha256:[0-9a-fA-F]{64}")
_DEPTH = 4
_LOOKS = 3
_HOLLOW = 1 << 30


@dataclass(frozen=True)
class Expected:
    """Owner (uid) and permissions that entries should have; ``None`` is not looked at."""

    uid: int | None = None
    file_mode: int | None = None
    directory_mode: int | None = None


@dataclass
class _Walk:
    """What one look collects."""

    tree: ModelTree
    expected: Expected
    models: list[SeenModel] = field(default_factory=list)
    blobs: dict[str, SeenBlob] = field(default_factory=dict)
    others: list[Finding] = field(default_factory=list)

    def note(self, kind: str, path: str, message: str) -> None:
        self.others.append(Finding(kind, path, f"{path} {message}."))


def look(tree: ModelTree, expected: Expected | None = None) -> Seen:
    """Everything in ``blobs/`` and ``manifests/``; raises ``no_store`` when there are no such directories."""
    walk = _Walk(tree, expected or Expected())
    for path, found in require_tree(tree):
        _check_rights(walk, os.path.relpath(path, tree.root), found)
    _look_at_blobs(walk)
    _look_at_manifests(walk, ())
    return Seen(tuple(walk.models), walk.blobs, tuple(walk.others))


def settled_look(tree: ModelTree) -> Seen:
    """A look at a store in use. A model that is published while it is looked at has blobs that were not there when the
    blobs were listed; only what is missing in every look is."""
    seen = look(tree)
    for _again in range(_LOOKS - 1):
        if not seen.lacks_blobs:
            break
        seen = look(tree)
    return seen


def _look_at_blobs(walk: _Walk) -> None:
    for entry, found in _entries(walk, "blobs"):
        path = f"blobs/{entry}"
        digest = digest_of_blob_file(entry)
        plain = stat.S_ISREG(found.st_mode)
        if digest:
            problem = "" if plain else f"it is {what_is(found.st_mode)}, not a plain file"
            walk.blobs[digest] = SeenBlob(
                digest, found.st_size, problem, stamp(found) if plain else None, hollow(found)
            )
            if plain:
                _check_rights(walk, path, found)
        elif _PARTIAL.fullmatch(entry) and plain:
            walk.note("partial", path, "is left over from a pull that did not end")
        elif _OLD_STYLE.fullmatch(entry):
            walk.note("bad_name", path, "has an old name that keeps a read-only server from starting")
        else:
            walk.note("stray", _shown(path), f"is {what_is(found.st_mode)} that is no blob")


def _look_at_manifests(walk: _Walk, parts: tuple[str, ...]) -> int:
    """The number of entries below, so that empty directories are seen."""
    count = 0
    only = "where only directories belong"
    for entry, found in _entries(walk, os.path.join("manifests", *parts)):
        count += 1
        below = (*parts, entry)
        path = "/".join(("manifests", *below))
        if not entry.isprintable():
            walk.note("bad_name", _shown(path), "has a name that is no text")
        elif stat.S_ISDIR(found.st_mode):
            _check_rights(walk, path, found)
            if len(below) == _DEPTH:
                walk.note("stray", path, "is a directory where manifests lie")
            elif not _look_at_manifests(walk, below):
                walk.note("stray", path, "is an empty directory; it keeps a read-only server that prunes from starting")
        elif len(below) == _DEPTH:
            walk.models.append(_model(walk, path, below, found))
        elif stat.S_ISREG(found.st_mode):
            walk.note("stray", path, f"is a file {only}")
        else:
            walk.note("bad_name", path, f"is {what_is(found.st_mode)} {only}; it is not followed")
    return count


def _model(walk: _Walk, path: str, parts: tuple[str, ...], found: os.stat_result) -> SeenModel:
    try:
        name = from_parts(parts)
    except InvalidName as error:
        text = f"{path} is no name of a model ({error.facts['problem']}); such a file switches off pruning."
        return SeenModel(path, None, None, "bad_name", text)
    full = os.path.join(walk.tree.root, path)
    try:
        manifest = parse_manifest(read_plain(full, MAX_MANIFEST_BYTES))
    except (NotAFile, InvalidManifest) as error:
        what = what_is(found.st_mode)
        reason = error.message if isinstance(error, InvalidManifest) else f"It is {what}, not a plain file."
        return SeenModel(path, name, None, "bad_manifest", f"{path} is no manifest: {reason}")
    except OSError as error:
        text = f"{path} cannot be read: {os.strerror(error.errno or 0)}."
        return SeenModel(path, name, None, "unreadable", text)
    _check_rights(walk, path, found)
    if manifest.is_empty:
        return SeenModel(path, name, manifest, "bad_manifest", f"{path} names no config or no layer.")
    return SeenModel(path, name, manifest)


def _entries(walk: _Walk, relative: str) -> Iterator[tuple[str, os.stat_result]]:
    path = os.path.join(walk.tree.root, relative)
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        walk.note("unreadable", relative, f"cannot be listed: {os.strerror(error.errno or 0)}")
        return
    for name in names:
        found = lstat(os.path.join(path, name))
        if found is not None:
            yield name, found


def hollow(found: os.stat_result) -> bool:
    return found.st_size > _HOLLOW and found.st_blocks * 512 < found.st_size // 64


def _shown(path: str) -> str:
    """A name may be any bytes; the report is text, and short."""
    return path if path.isprintable() and len(path) < 300 else ascii(path)[1:300]


def _check_rights(walk: _Walk, path: str, found: os.stat_result) -> None:
    expected, mode = walk.expected, stat.S_IMODE(found.st_mode)
    if expected.uid is not None and found.st_uid != expected.uid:
        text = f"{path} belongs to the user {found.st_uid}, not {expected.uid}."
        walk.others.append(Finding("wrong_owner", path, text, expected=str(expected.uid), found=str(found.st_uid)))
    wanted = expected.directory_mode if stat.S_ISDIR(found.st_mode) else expected.file_mode
    if wanted is not None and mode != wanted:
        text = f"{path} has the mode {mode:04o}, not {wanted:04o}."
        walk.others.append(Finding("wrong_mode", path, text, expected=f"{wanted:04o}", found=f"{mode:04o}"))
