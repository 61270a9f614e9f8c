# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen in a store, and what follows from it: the findings, and the verdict on every model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .digests import blob_file
from .findings import Finding, told_of
from .manifests import Blob, Manifest
from .names import ModelName
from .receipts import Stamp

_RIGHTS = ("wrong_owner", "wrong_mode")


@dataclass(frozen=True)
class SeenModel:
    """A file where manifests lie. ``name`` is ``None`` for a bad name, ``manifest`` for a bad manifest."""

    path: str
    name: ModelName | None
    manifest: Manifest | None
    kind: str = ""
    problem: str = ""

    @property
    def display(self) -> str:
        return self.name.display if self.name else ""


@dataclass(frozen=True)
class SeenBlob:
    """A well-named entry of ``blobs/``; ``problem`` when it is no plain file, ``stamp`` when it is one.

    ``hollow`` is a large file that is hardly there on the disk: not worth reading when no manifest asks for it.
    """

    digest: str
    size: int
    problem: str = ""
    stamp: Stamp | None = None
    hollow: bool = False


@dataclass(frozen=True)
class Seen:
    """A look at a store: ``clutter`` and ``others`` are findings that need no further thought."""

    models: tuple[SeenModel, ...]
    blobs: Mapping[str, SeenBlob]
    others: tuple[Finding, ...]

    @property
    def lacks_blobs(self) -> bool:
        """A manifest names a blob that was not seen."""
        return any(blob.digest not in self.blobs for model in self.models for blob in _blobs_of(model))


@dataclass(frozen=True)
class Content:
    """What hashing a blob gave: ``digest``, or ``problem``."""

    digest: str = ""
    problem: str = ""


def blobs_to_hash(seen: Seen, selected: Iterable[SeenModel] | None) -> tuple[SeenBlob, ...]:
    """Those worth reading: plain files, and with ``selected`` only those of these models. Each digest once.

    One of a size that no manifest gives is damaged whatever is in it, and may be terabytes of nothing.
    """
    sizes: dict[str, set[int]] = {}
    for model in seen.models:
        for blob in model.manifest.blobs if model.manifest else ():
            sizes.setdefault(blob.digest, set()).add(blob.size)
    wanted = set(seen.blobs)
    if selected is not None:
        wanted = {blob.digest for model in selected if model.manifest for blob in model.manifest.blobs}
    return tuple(
        blob
        for blob in seen.blobs.values()
        if blob.digest in wanted and not blob.problem and _may_be_sound(blob, sizes.get(blob.digest))
    )


def _may_be_sound(blob: SeenBlob, sizes: set[int] | None) -> bool:
    return blob.size in sizes if sizes else not blob.hollow


def findings(seen: Seen, contents: Mapping[str, Content]) -> tuple[Finding, ...]:
    """Everything that is not as it should be; a blob that no model uses and that is sound is an orphan."""
    users = _users(seen.models)
    found: list[Finding] = []
    for model in seen.models:
        if model.kind:
            whose = (model.display,) if model.name else ()
            found.append(Finding(model.kind, model.path, model.problem, models=whose))
    for (digest, size), models in users.items():
        finding = _judge(digest, size, seen.blobs.get(digest), contents.get(digest))
        if finding:
            found.append(replace(finding, models=tuple(models)))
    used = {digest for digest, _size in users}
    for digest, stored in seen.blobs.items():
        if digest not in used:
            found.append(_unused(stored, contents.get(digest)))
    found.extend(_with_models(seen, users))
    return tuple(sorted(found, key=lambda one: (not one.damage, one.kind, one.path)))


def model_verdicts(selected: Sequence[SeenModel], every: Iterable[Finding]) -> list[dict[str, Any]]:
    """Per model: its name, digest, whether it is whole, and what is wrong with it."""
    of_model: dict[str, list[Finding]] = {}
    for finding in every:
        for display in finding.models:
            of_model.setdefault(display, []).append(finding)
    return [
        {
            "name": model.display,
            "digest": model.manifest.digest if model.manifest else "",
            "size": model.manifest.total_size if model.manifest else 0,
            "ok": not any(finding.damage for finding in of_model.get(model.display, [])),
            "findings": told_of(of_model.get(model.display, [])),
        }
        for model in selected
        if model.name
    ]


def told(path: str, every: Sequence[Finding]) -> str:
    """One sentence for people about the damage, the first few findings in full."""
    damage = [finding for finding in every if finding.damage]
    models = sorted({name for finding in damage for name in finding.models})
    shown = " ".join(finding.message for finding in damage[:5])
    more = f" And {len(damage) - 5} more." if len(damage) > 5 else ""
    hit = f", in {', '.join(models[:8])}{', …' if len(models) > 8 else ''}" if models else ""
    return f"The store {path} is damaged ({len(damage)} finding{'s' if len(damage) != 1 else ''}{hit}). {shown}{more}"


def _blobs_of(model: SeenModel) -> tuple[Blob, ...]:
    return model.manifest.blobs if model.manifest else ()


def _users(models: Iterable[SeenModel]) -> dict[tuple[str, int], list[str]]:
    """Who uses a blob. Manifests that disagree about its size are judged each by its own claim."""
    users: dict[tuple[str, int], list[str]] = {}
    for model in models:
        name = model.display
        for blob in _blobs_of(model):
            users.setdefault((blob.digest, blob.size), []).append(name)
    return users


def _with_models(seen: Seen, users: Mapping[tuple[str, int], Sequence[str]]) -> Iterator[Finding]:
    """The other findings. Wrong rights keep a server from reading every model that lies there or below."""
    named: dict[str, tuple[str, ...]] = {}
    for (digest, _size), models in users.items() if any(one.kind in _RIGHTS for one in seen.others) else ():
        path = f"blobs/{blob_file(digest)}"
        named[path] = (*named.get(path, ()), *models)
    for finding in seen.others:
        below = "" if finding.path in (".", "blobs", "manifests") else f"{finding.path}/"
        if finding.kind not in _RIGHTS:
            yield finding
        elif finding.path.startswith("blobs/"):
            yield replace(finding, models=named.get(finding.path, ()))
        else:
            inside = (model for model in seen.models if model.name and f"{model.path}/".startswith(below))
            yield replace(finding, models=tuple(model.display for model in inside))


def _judge(digest: str, size: int, stored: SeenBlob | None, content: Content | None) -> Finding | None:
    sound = stored is not None and not stored.problem and stored.size == size
    if sound and (content is None or content.digest == digest):
        # so it is with nearly every blob, and a store may have many
        return None
    path = f"blobs/{blob_file(digest)}"
    if stored is None:
        return Finding("missing", path, f"{path} is missing.", digest, expected=f"{size} bytes")
    problem = stored.problem or (content.problem if content else "")
    if problem:
        return Finding("unreadable", path, f"{path} cannot be read: {problem}.", digest)
    if stored.size != size:
        kind = "short" if stored.size < size else "long"
        message = f"{path} has {stored.size} bytes, its manifest says {size}."
        return Finding(kind, path, message, digest, (), f"{size} bytes", f"{stored.size} bytes")
    return _judge_content(path, digest, content)


def _judge_content(path: str, digest: str, content: Content | None) -> Finding | None:
    if content is None or content.digest == digest:
        return None
    message = f"{path} does not hash to its name but to {content.digest[:12]}."
    return Finding("wrong_hash", path, message, digest, (), digest, content.digest)


def _unused(stored: SeenBlob, content: Content | None) -> Finding:
    path = f"blobs/{blob_file(stored.digest)}"
    wrong = stored.problem or (content.problem if content else "")
    if stored.hollow:
        wrong = "it is hardly there on the disk and was not read"
    if content is not None and content.digest and content.digest != stored.digest:
        wrong = f"it hashes to {content.digest[:12]}"
    detail = f"; besides, {wrong}" if wrong else ""
    found = f"{stored.size} bytes"
    return Finding("orphan", path, f"{path} is used by no readable manifest{detail}.", stored.digest, found=found)
