# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that a user declares: a name, or a mapping with a name and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .digests import parse_digest
from .errors import CorralError
from .names import Key, ModelName, parse_name

STATES = ("present", "latest", "absent")
_KEYS = frozenset({"name", "digest", "insecure", "state"})


class BadInput(CorralError):
    """What the user wrote cannot be meant."""

    kind = "bad_input"


@dataclass(frozen=True)
class Declared:
    """One wanted model; ``digest`` pins the manifest."""

    name: ModelName
    digest: str | None = None
    insecure: bool = False
    state: str = "present"


def declared_models(entries: Iterable[Any] | None) -> tuple[Declared, ...]:
    """Names or mappings (keys: the fields of ``Declared``) to ``Declared``; all bad entries in one error."""
    models: list[Declared] = []
    problems: list[str] = []
    seen: dict[Key, int] = {}
    for number, entry in enumerate(entries or (), start=1):
        try:
            model = _declared(entry)
        except CorralError as error:
            problems.append(f"models entry {number}: {error.message}")
            continue
        first = seen.setdefault(model.name.key, number)
        if first != number:
            problems.append(f"models entry {number}: {model.name.display} was declared already by entry {first}.")
        models.append(model)
    if problems:
        raise BadInput(" ".join(problems), remedy="Correct the list of models.", problems=problems)
    return tuple(models)


def _declared(entry: Any) -> Declared:
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, Mapping):
        raise BadInput(f"{ascii(entry)[:80]} is neither a name nor a mapping.")
    unknown = sorted(str(key) for key in entry if key not in _KEYS)
    if unknown:
        raise BadInput(f"{', '.join(unknown)[:80]} is not known here (known: {', '.join(sorted(_KEYS))}).")
    if not entry.get("name"):
        raise BadInput("it has no name.")
    name = parse_name(entry["name"])
    state = entry.get("state") or "present"
    if state not in STATES:
        raise BadInput(f"{name.display} has the state {ascii(state)[:40]}, not one of {', '.join(STATES)}.")
    insecure = entry.get("insecure") or False
    if not isinstance(insecure, bool):
        raise BadInput(f"{name.display}: insecure is {ascii(insecure)[:40]}, not true or false.")
    digest = parse_digest(entry["digest"]) if entry.get("digest") else None
    if digest and state == "latest":
        raise BadInput(f"{name.display} is pinned to a digest and wanted latest, which contradict each other.")
    if name.is_cloud and state != "absent":
        raise BadInput(f"{name.display} is a cloud model, which no store can hold.")
    return Declared(name, digest, insecure, state)
