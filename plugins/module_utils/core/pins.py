# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declared models at the digests of the lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .declared import Declared, declared_models
from .errors import CorralError
from .lockfile import Lock
from .problems import Problem, raise_all


def pinned(entries: Iterable[Any], lock: Lock, strict: bool = False) -> list[Any]:
    """The entries as they were declared, those in the lock as mappings with its digest and the state present.

    Without any pin, nothing is touched. What cannot be meant is left as it is too: the module that takes the list
    names all of it. Raises for digests that contradict the lock and, with ``strict``, for models without a pin.
    """
    listed = list(entries or ())
    if not lock.models:
        return listed
    problems: list[Problem] = []
    result = [_pinned(entry, lock, strict, problems) for entry in listed]
    raise_all(problems)
    return result


def _pinned(entry: Any, lock: Lock, strict: bool, problems: list[Problem]) -> Any:
    model = readable(entry)
    if model is None or model.state == "absent":
        return entry
    pin = lock.models.get(model.name.key)
    if pin is None:
        if strict:
            problems.append(_unlocked(model))
        return entry
    if model.digest not in (None, pin.digest):
        problems.append(contradiction(model, pin.digest))
        return entry
    rest = dict(entry) if isinstance(entry, Mapping) else {"name": entry}
    return {**rest, "digest": pin.digest, "state": "present"}


def latest(entries: Iterable[Any]) -> list[Any]:
    """The entries for an update: what no digest pins is wanted as the registry has it now, everything else stays."""
    return [_latest(entry) for entry in entries or ()]


def _latest(entry: Any) -> Any:
    model = readable(entry)
    if model is None or model.digest or model.state != "present":
        return entry
    return {**(dict(entry) if isinstance(entry, Mapping) else {"name": entry}), "state": "latest"}


def readable(entry: Any) -> Declared | None:
    """One entry, or ``None`` where it cannot be meant."""
    try:
        return declared_models([entry])[0]
    except CorralError:
        return None


def contradiction(model: Declared, locked: str) -> Problem:
    name = model.name.display
    return Problem(
        "lock_contradiction",
        f"{name} is declared with the digest {model.digest}, and the lock pins it to {locked}.",
        "Leave the digest out of corral_models, or take the model out of the lock and run the playbook"
        " corral.ollama.lock.",
        {"model": name, "declared": model.digest, "locked": locked},
    )


def _unlocked(model: Declared) -> Problem:
    name = model.name.display
    return Problem(
        "not_locked",
        f"{name} is declared and not in the lock, which corral_lock_strict asks for.",
        "Pin it with the playbook corral.ollama.lock.",
        {"model": name},
    )
