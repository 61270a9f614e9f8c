# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that a fleet has run: what is remembered of them, and which of them may go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

SCHEMA = 1
MAX_IMAGES = 50
MAX_REFERENCES = 20
_ID = re.compile(r"[0-9a-f]{64}")
_WORD = re.compile(r"[^\s\x00-\x1f]{1,500}")


@dataclass(frozen=True)
class Image:
    """One image of an engine. ``id`` is 64 hex; ``digests`` are those under which registries know it."""

    id: str
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    size: int = 0


@dataclass(frozen=True)
class Running:
    """An image with the instances that were made from it, under the names that the project gives it."""

    id: str
    references: tuple[str, ...]
    instances: tuple[str, ...]
    version: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Remembered:
    """An image that instances ran. ``references`` are the names that Corral used for it; ``at`` in Unix seconds."""

    id: str
    references: tuple[str, ...] = ()
    version: str = ""
    at: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """Whether a remembered image stays. ``reason`` is for people."""

    image: Remembered
    go: bool
    reason: str
    tags: tuple[str, ...] = field(default=())
    size: int = 0

    def as_dict(self) -> dict[str, Any]:
        shown = {"id": self.image.id, "references": list(self.image.references), "version": self.image.version}
        return {**shown, "action": "remove" if self.go else "keep", "reason": self.reason, "bytes": self.size}


def running_images(instances: Iterable[Mapping[str, Any]]) -> tuple[Running, ...]:
    """From what ``instance_info`` returns: the image of most instances first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for instance in instances:
        found.setdefault(str(instance["image_digest"]), []).append(instance)
    rows = [
        Running(image, tuple(sorted({str(one["image"]) for one in made})), tuple(str(one["name"]) for one in made))
        for image, made in found.items()
    ]
    return tuple(sorted(rows, key=lambda row: -len(row.instances)))


def remember(
    memory: Sequence[Remembered], running: Sequence[Running], now: float, versions: Mapping[str, str]
) -> tuple[Remembered, ...]:
    """The memory with what runs at its head, and the versions (by id) that were learnt. As long as the same images run
    under the same names, it stays as it is."""
    known = {one.id: one for one in memory}
    told = (replace(one, version=str(versions.get(one.id) or one.version)) for one in running)
    head = tuple(_merged(known.get(one.id), one, now) for one in told if _ID.fullmatch(one.id))
    if {_told(one) for one in head} == {_told(one) for one in memory[: len(head)]}:
        return tuple(memory)
    ids = {one.id for one in head}
    return (*head, *(one for one in memory if one.id not in ids))[:MAX_IMAGES]


def verdicts(
    memory: Sequence[Remembered], present: Mapping[str, Image], used: Mapping[str, str], keep: int
) -> tuple[Verdict, ...]:
    """What becomes of each remembered image that is on the host, the newest first.

    ``used``: by id, why it has to stay. ``keep``: how many more stay for a way back.
    """
    rows: list[Verdict] = []
    spare = max(keep, 0)
    for one in (one for one in memory if one.id in present):
        image = present[one.id]
        foreign = sorted(set(image.tags) - set(one.references))
        if one.id in used:
            why, go = used[one.id], False
        elif spare:
            spare, why, go = spare - 1, "it is kept for a way back", False
        elif foreign:
            why, go = f"it is also named {', '.join(foreign)}, which Corral did not do", False
        else:
            why, go = "no container was made from it, and newer ones are kept for a way back", True
        rows.append(Verdict(one, go, why, image.tags, image.size))
    return tuple(rows)


def parse_memory(raw: bytes) -> tuple[Remembered, ...]:
    """The newest first; raises ValueError when it is damaged or of another schema."""
    document = json.loads(raw)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError(f"it is not of the schema {SCHEMA}")
    entries = document.get("images")
    if not isinstance(entries, list) or len(entries) > MAX_IMAGES:
        raise ValueError("it has no list of images, or one that is too long")
    return tuple(_remembered(entry) for entry in entries)


def dump_memory(memory: Iterable[Remembered]) -> bytes:
    return (json.dumps({"schema": SCHEMA, "images": [asdict(one) for one in memory]}, indent=1) + "\n").encode()


def _merged(before: Remembered | None, image: Running, now: float) -> Remembered:
    old = before or Remembered(image.id)
    names = dict.fromkeys((*image.references, *old.references))
    kept = tuple(name for name in names if _WORD.fullmatch(name))[:MAX_REFERENCES]
    return Remembered(image.id, kept, image.version or old.version, now)


def _told(one: Remembered) -> tuple[str, frozenset[str], str]:
    return one.id, frozenset(one.references), one.version


def _remembered(entry: Any) -> Remembered:
    if not isinstance(entry, dict):
        raise ValueError("an entry is no image")
    image, references, version, at = (entry.get(name) for name in ("id", "references", "version", "at"))
    named = isinstance(references, list) and len(references) <= MAX_REFERENCES
    if not isinstance(image, str) or not _ID.fullmatch(image) or not named:
        raise ValueError("an entry is no image")
    names = tuple(str(name) for name in references or ())
    if not all(_WORD.fullmatch(name) for name in names):
        raise ValueError(f"the image {image[:12]} has a name that is none")
    seconds = float(at) if isinstance(at, (int, float)) and not isinstance(at, bool) else 0.0
    return Remembered(image, names, str(version or "")[:100], seconds)
