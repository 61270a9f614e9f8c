# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repair has to do: from a look at the store, and from what its blobs hash to, to what is broken."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .declared import Declared
from .digests import blob_file
from .findings import Finding
from .manifests import Blob, Manifest
from .names import Key, ModelName
from .store_verdict import Content, Seen, SeenModel

#: What an entry is that no server should meet.
OLD_NAME, ODD_NAME, BLOCKED, EMPTY, STUCK, LEFT = "old_name", "odd_name", "blocked", "empty", "stuck", "left"


@dataclass(frozen=True)
class Odd:
    """An entry as the file system knows it: ``path`` below the store, ``shown`` the same as printable text.

    ``OLD_NAME``: ``sha256:…`` in ``blobs/``, with the digest that it claims (or "") and ``found``, what it hashes to.
    ``ODD_NAME``: a name, or a link, that does not belong there. ``BLOCKED``: no plain file where the manifest of
    ``name`` lies. ``EMPTY``: a directory. ``STUCK``, ``LEFT``: a part of a download that nobody can finish, or needs.
    """

    what: str
    kind: str
    path: str
    shown: str
    message: str
    digest: str = ""
    found: str = ""
    name: ModelName | None = None


@dataclass(frozen=True)
class BrokenManifest:
    """A manifest to be put back. ``expected``: the digest it must have, "" if unknown; ``stored``: the one it has."""

    name: ModelName
    path: str
    kind: str
    message: str
    expected: str = ""
    insecure: bool = False
    occupied: bool = True
    stored: str = ""


@dataclass(frozen=True)
class BadBlob:
    """A blob that models need and that is not there as its name says. ``names``: where a registry may have it."""

    blob: Blob
    kind: str
    models: tuple[str, ...]
    names: tuple[ModelName, ...]
    occupied: bool

    @property
    def path(self) -> str:
        return f"blobs/{blob_file(self.blob.digest)}"


@dataclass(frozen=True)
class Facts:
    """What is known of a store. ``known``: the manifests as they were published, by name in lower case."""

    seen: Seen
    contents: Mapping[str, Content]
    odds: tuple[Odd, ...]
    declared: tuple[Declared, ...] = ()
    known: Mapping[Key, Manifest] | None = None


def broken_manifests(facts: Facts) -> tuple[BrokenManifest, ...]:
    """Those that no server could use, that contradict what they name, and those of declared models that are gone."""
    declared = {one.name.key: one for one in facts.declared}
    found = [_broken(facts, model, declared.get(model.name.key)) for model in facts.seen.models if model.name]
    found += [
        _blocked(facts, odd, declared.get(odd.name.key)) for odd in facts.odds if odd.what == BLOCKED and odd.name
    ]
    there = {model.name.key for model in facts.seen.models if model.name}
    there |= {odd.name.key for odd in facts.odds if odd.what == BLOCKED and odd.name}
    found += [_gone(facts, one) for key, one in declared.items() if key not in there and one.state != "absent"]
    return tuple(broken for broken in found if broken is not None)


def unwanted(facts: Facts) -> tuple[SeenModel, ...]:
    """Unreadable manifests of models that are declared absent: they are only to go away."""
    absent = {one.name.key for one in facts.declared if one.state == "absent"}
    return tuple(model for model in facts.seen.models if model.name and model.kind and model.name.key in absent)


def bad_blobs(models: Iterable[tuple[ModelName, Manifest]], facts: Facts) -> tuple[BadBlob, ...]:
    """What these models need and the store has not, each digest once, with everybody that it hurts."""
    found: dict[str, list[tuple[ModelName, Blob, str]]] = {}
    for name, manifest in models:
        for blob in manifest.blobs:
            kind = blob_problem(blob, facts)
            if kind:
                found.setdefault(blob.digest, []).append((name, blob, kind))
    bad = []
    for digest, uses in found.items():
        names = tuple(dict.fromkeys(name for name, _blob, _kind in uses))
        # manifests that disagree about the size cannot both be right; the hash will tell
        blob = max((blob for _name, blob, _kind in uses), key=lambda one: one.size)
        models_hurt = tuple(name.display for name in names)
        bad.append(BadBlob(blob, uses[0][2], models_hurt, names, digest in facts.seen.blobs))
    return tuple(bad)


def blob_problem(blob: Blob, facts: Facts) -> str:
    """The kind of finding that a blob is, "" when the file is exactly it."""
    stored, content = facts.seen.blobs.get(blob.digest), facts.contents.get(blob.digest)
    if stored is None:
        return "missing"
    if stored.problem:
        return "unreadable"
    if stored.size != blob.size:
        return "short" if stored.size < blob.size else "long"  # it was not even read
    if content is None or content.problem:
        return "unreadable"
    return "" if content.digest == blob.digest else "wrong_hash"


def sound(digest: str, facts: Facts) -> bool:
    """Whether the store has a file of that name which hashes to it."""
    content = facts.contents.get(digest)
    return digest in facts.seen.blobs and content is not None and content.digest == digest and not content.problem


def bad_orphans(needed: Iterable[str], facts: Facts) -> tuple[Finding, ...]:
    """Blobs that no model needs and that would poison one that comes to need them: their name is believed."""
    used, found = set(needed), []
    for digest, stored in facts.seen.blobs.items():
        content = facts.contents.get(digest)
        wrong = stored.problem or (content is not None and content.digest not in ("", digest))
        if digest not in used and wrong:
            text = stored.problem or "it does not hash to its name"
            path = f"blobs/{blob_file(digest)}"
            found.append(Finding("orphan", path, f"{path} is used by no readable manifest, and {text}.", digest))
    return tuple(found)


def _broken(facts: Facts, model: SeenModel, declared: Declared | None) -> BrokenManifest | None:
    name = model.name
    if name is None or (declared is not None and declared.state == "absent"):
        return None
    if model.kind:
        stored = model.manifest.digest if model.manifest else ""
        return _to_restore(facts, name, declared, model.kind, model.problem, model.path, stored)
    manifest, known = model.manifest, (facts.known or {}).get(name.key)
    if manifest is None:
        return None
    message = _lie(manifest, facts)
    if message:
        text = f"{model.path} {message}"
        return _to_restore(facts, name, declared, "bad_manifest", text, model.path, manifest.digest)
    if known is not None and known.digest != manifest.digest:
        pinned = declared is not None and declared.digest == known.digest
        if pinned or any(blob_problem(blob, facts) for blob in manifest.blobs):
            text = f"{model.path} has the digest {manifest.digest[:12]}, and {known.digest[:12]} was published."
            return _to_restore(facts, name, declared, "wrong_hash", text, model.path, manifest.digest)
    return None


def _blocked(facts: Facts, odd: Odd, declared: Declared | None) -> BrokenManifest | None:
    name = odd.name
    wanted = (
        declared.state != "absent" if declared is not None else name is not None and name.key in (facts.known or {})
    )
    if name is None or not wanted:
        return None
    return _to_restore(facts, name, declared, odd.kind, odd.message, odd.path)


def _gone(facts: Facts, declared: Declared) -> BrokenManifest:
    path = "/".join(("manifests", *declared.name.parts))
    text = f"{declared.name.display} has no manifest in the store."
    return _to_restore(facts, declared.name, declared, "missing", text, path, occupied=False)


def _to_restore(
    facts: Facts,
    name: ModelName,
    declared: Declared | None,
    kind: str,
    message: str,
    path: str,
    stored: str = "",
    occupied: bool = True,
) -> BrokenManifest:
    known = (facts.known or {}).get(name.key)
    expected = (declared.digest if declared else None) or (known.digest if known else "")
    insecure = declared.insecure if declared else False
    return BrokenManifest(name, path, kind, message, expected, insecure, occupied, stored)


def _lie(manifest: Manifest, facts: Facts) -> str:
    """A claim about a size that a file proves wrong which hashes to its name; "" without one."""
    for blob in manifest.blobs:
        stored = facts.seen.blobs.get(blob.digest)
        if stored is not None and stored.size != blob.size and sound(blob.digest, facts):
            return f"says that {blob.digest[:12]} has {blob.size} bytes, and what hashes to that has {stored.size}."
    return ""
