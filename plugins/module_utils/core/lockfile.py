# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock: which bytes each declared model is. Read with suspicion, as people edit it; written the same every time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .digests import parse_digest
from .errors import CorralError
from .manifests import Blob
from .names import Key, ModelName, parse_name

SCHEMA = 1
MAX_LOCK_BYTES = 4 * 1024 * 1024
_MAX_SIZE = 2**53
_MAX_LAYERS = 200_000
_HEAD = """\
---
# The exact bytes of every model of this fleet. Written by the playbook corral.ollama.lock, and changed by it only with
# -e lock_refresh=true. Keep it in version control, and do not edit it: what it says is what is deployed and verified.
"""


class BadLock(CorralError):
    """The lock cannot be what Corral wrote."""

    kind = "bad_lock"


@dataclass(frozen=True)
class Locked:
    """One pin. ``layers``: config and layers in the manifest's order; ``size``: their sum, as /api/tags gives it."""

    name: ModelName
    digest: str
    size: int
    source: str
    layers: tuple[Blob, ...]

    def as_dict(self) -> dict[str, Any]:
        layers = [{"digest": blob.digest, "size": blob.size, "media_type": blob.media_type} for blob in self.layers]
        return {"digest": self.digest, "size": self.size, "source": self.source, "layers": layers}


@dataclass(frozen=True)
class Lock:
    """Pins by the name that Ollama compares. Two locks are equal when they pin the same, whenever they were made."""

    models: Mapping[Key, Locked] = field(default_factory=dict)
    generated_at: str = field(default="", compare=False)

    def as_dict(self) -> dict[str, Any]:
        models = {entry.name.display: entry.as_dict() for entry in _sorted(self.models.values())}
        return {"schema": SCHEMA, "generated_at": self.generated_at, "models": models}


def parse_lock(document: Any, where: str) -> Lock:
    """What YAML made of the file (or of the lookup's dictionary) to a ``Lock``; every problem in one ``BadLock``.

    ``None`` and ``{}`` are no lock at all and give an empty one.
    """
    if document is None or document == {}:
        return Lock()
    problems: list[str] = []
    models: dict[Key, Locked] = {}
    for entry in _entries(document, where):
        try:
            locked = _locked(*entry)
        except CorralError as error:
            problems.append(f"models entry {ascii(entry[0])[:90]}: {error.message}")
            continue
        if locked.name.key in models:
            problems.append(f"models entry {ascii(entry[0])[:90]}: the model is in the lock twice.")
        models[locked.name.key] = locked
    if problems:
        more = f" And {len(problems) - 5} more." if len(problems) > 5 else ""
        raise bad_lock(where, " ".join(problems[:5]) + more, problems=problems)
    return Lock(models, str(document.get("generated_at") or ""))


def bad_lock(where: str, why: str, **facts: Any) -> BadLock:
    return BadLock(
        f"The lock {where} cannot be used: {why}",
        remedy="Get it back from version control, or remove it and write it anew: ansible-playbook corral.ollama.lock.",
        path=where,
        **facts,
    )


def render_lock(lock: Lock) -> str:
    """The file's text: sorted, one value a line, so that a change of it reads well in version control."""
    lines = [f"schema: {SCHEMA}", f"generated_at: {json.dumps(lock.generated_at)}"]
    lines.append("models:" if lock.models else "models: {}")
    for entry in _sorted(lock.models.values()):
        lines.append(f"  {json.dumps(entry.name.display)}:")
        lines += [f"    {key}: {json.dumps(getattr(entry, key))}" for key in ("digest", "size", "source")]
        lines.append("    layers:")
        for blob in entry.layers:
            lines.append(f"      - digest: {json.dumps(blob.digest)}")
            lines += [f"        {key}: {json.dumps(getattr(blob, key))}" for key in ("size", "media_type")]
    return _HEAD + "\n".join(lines) + "\n"


def _sorted(models: Iterable[Locked]) -> list[Locked]:
    return sorted(models, key=lambda entry: entry.name.key)


def _entries(document: Any, where: str) -> list[tuple[Any, Any]]:
    if not isinstance(document, Mapping):
        raise bad_lock(where, "it is no dictionary with schema and models.")
    schema = document.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise bad_lock(where, f"its schema is {ascii(schema)[:40]}, and this version of Corral knows {SCHEMA}.")
    unknown = sorted(str(key)[:40] for key in document if key not in ("schema", "generated_at", "models"))
    if unknown:
        raise bad_lock(where, f"it has {', '.join(unknown[:5])}, which no lock has.")
    models = document.get("models")
    if not isinstance(models, Mapping):
        raise bad_lock(where, "its models are no dictionary of name to pin.")
    layers = (entry.get("layers") for entry in models.values() if isinstance(entry, Mapping))
    if sum(len(each) for each in layers if isinstance(each, (list, tuple))) > _MAX_LAYERS:
        raise bad_lock(where, f"it names more than {_MAX_LAYERS} layers.")
    return list(models.items())


def _locked(name: Any, entry: Any) -> Locked:
    parsed = parse_name(name)
    if not isinstance(entry, Mapping):
        raise BadLock("it is no dictionary.")
    wrong = sorted(set(map(str, entry)) ^ {"digest", "size", "source", "layers"})
    if wrong:
        raise BadLock(f"it has to have digest, size, source and layers, and differs in {', '.join(wrong)[:80]}.")
    if not isinstance(entry["source"], str) or len(entry["source"]) > 1000:
        raise BadLock("its source is no short text.")
    listed = entry["layers"]
    if not isinstance(listed, (list, tuple)) or not listed:
        raise BadLock("its layers are no list, or an empty one.")
    layers = tuple(_layer(number, layer) for number, layer in enumerate(listed, 1))
    size = _size(entry["size"], "its size")
    claimed = sum(layer.size for layer in layers)
    if size != claimed:
        raise BadLock(f"its size is {size}, and its layers have {claimed} bytes together.")
    return Locked(parsed, parse_digest(entry["digest"]), size, entry["source"], layers)


def _layer(number: int, layer: Any) -> Blob:
    if not isinstance(layer, Mapping) or set(layer) != {"digest", "size", "media_type"}:
        raise BadLock(f"layer {number} has not exactly digest, size and media_type.")
    media_type = layer["media_type"]
    if not isinstance(media_type, str) or len(media_type) > 255:
        raise BadLock(f"layer {number} has a media_type that is no short text.")
    try:
        digest = parse_digest(layer["digest"])
    except CorralError as error:
        raise BadLock(f"layer {number}: {error.message}") from None
    return Blob(digest, _size(layer["size"], f"the size of layer {number}"), media_type)


def _size(value: Any, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_SIZE:
        raise BadLock(f"{what} is {ascii(value)[:40]}, which is no number of bytes.")
    return value
