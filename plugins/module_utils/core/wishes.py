# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user declares resident: models that are to be in memory before anybody asks, instance by instance."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .declared import BadInput
from .errors import CorralError
from .names import ModelName, parse_name
from .residents import FOREVER
from .rollout_record import is_service

_KEYS = frozenset({"name", "instances", "keep_alive", "context_length"})
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PIECE = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)(ns|us|µs|ms|s|m|h)")
_MAX_SECONDS = 10 * 365 * 86400
_MAX_CONTEXT = 2**31 - 1


@dataclass(frozen=True)
class Wish:
    """One model that is to be resident. ``keep_alive`` in seconds, FOREVER for ever; ``context_length`` 0 leaves it to
    the server; ``instances`` () are all."""

    name: ModelName
    keep_alive: int = FOREVER
    context_length: int = 0
    instances: tuple[str, ...] = ()

    def of(self, instance: str) -> bool:
        return not self.instances or instance in self.instances


def wishes(entries: Iterable[Any] | None) -> tuple[Wish, ...]:
    """Names, or mappings with the keys of ``corral_residents``, to ``Wish``; all bad entries in one error."""
    found: list[Wish] = []
    problems: list[str] = []
    for number, entry in enumerate(entries or (), start=1):
        try:
            wish = _wish(entry)
        except CorralError as error:
            problems.append(f"residents entry {number}: {error.message}")
            continue
        twice = next((one for one in found if one.name.key == wish.name.key and _meet(one, wish)), None)
        if twice is not None:
            problems.append(
                f"residents entry {number}: {wish.name.display} was declared already for the same instance."
            )
            continue
        found.append(wish)
    if problems:
        raise BadInput(" ".join(problems), remedy="Correct corral_residents.", problems=problems)
    return tuple(found)


def wishes_of(found: Sequence[Wish], instances: Sequence[str], strict: bool = True) -> dict[str, tuple[Wish, ...]]:
    """By instance, in their order. Raises (if ``strict``) where one names an instance that the host has not."""
    known = set(instances)
    for wish in found:
        unknown = [name for name in wish.instances if name not in known]
        if unknown and strict:
            raise BadInput(
                f"residents: {wish.name.display} is to be resident on {', '.join(unknown)}, and this host has"
                f" {', '.join(instances) or 'no instance'}.",
                remedy="Correct corral_residents, or raise corral_instance_count and deploy.",
            )
    return {name: tuple(wish for wish in found if wish.of(name)) for name in instances}


def keep_alive_seconds(value: Any) -> int:
    """Seconds of ``-1``, ``600``, ``10m``, ``1h30m`` as the server reads them; FOREVER for anything below 0."""
    seconds = _number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else _text(value)
    if seconds is None or not math.isfinite(seconds) or seconds > _MAX_SECONDS:
        raise BadInput(f"keep_alive is {ascii(value)[:40]}, and not seconds, a duration such as 30m, or -1 for ever.")
    if seconds < 0:
        return FOREVER
    if seconds < 1:
        raise BadInput(f"keep_alive is {ascii(value)[:40]}: such a model leaves at once.")
    return round(seconds)


def _wish(entry: Any) -> Wish:
    if isinstance(entry, str):
        entry = {"name": entry}
    if not isinstance(entry, Mapping):
        raise BadInput(f"{ascii(entry)[:80]} is neither a name nor a mapping.")
    unknown = sorted(str(key) for key in entry if key not in _KEYS)
    if unknown:
        raise BadInput(f"{ascii(', '.join(unknown))[:80]} is not known here (known: {', '.join(sorted(_KEYS))}).")
    if not entry.get("name"):
        raise BadInput("it has no name.")
    name = parse_name(entry["name"])
    if name.is_cloud:
        raise BadInput(f"{name.display} is a cloud model, which no server of yours loads.")
    kept = entry.get("keep_alive")
    return Wish(
        name,
        FOREVER if kept is None else keep_alive_seconds(kept),
        _context(entry.get("context_length") or 0),
        _instances(entry.get("instances")),
    )


def _context(value: Any) -> int:
    text = str(value)
    count = int(text) if text.isascii() and text.isdigit() and len(text) < 12 else -1
    if isinstance(value, bool) or not 0 <= count <= _MAX_CONTEXT:
        raise BadInput(f"context_length is {ascii(value)[:40]}, and not a number of tokens (0: the server's own).")
    return count


def _instances(value: Any) -> tuple[str, ...]:
    if value is None or value == []:
        return ()
    if not isinstance(value, (list, tuple)) or not all(is_service(name) for name in value):
        raise BadInput(f"instances is {ascii(value)[:80]}, and not a list of names such as ollama-server-1.")
    return tuple(dict.fromkeys(str(name) for name in value))


def _number(value: Any) -> float:
    return float(value)


def _text(value: Any) -> float | None:
    body = str(value).strip()
    sign = -1.0 if body.startswith("-") else 1.0
    body = body.lstrip("+-")
    if re.fullmatch(r"\d{1,12}", body, re.ASCII):
        return sign * float(body)
    pieces = _PIECE.findall(body)
    if not pieces or "".join(number + unit for number, unit in pieces) != body:
        return None
    return sign * sum(float(number) * _UNITS[unit] for number, unit in pieces)


def _meet(one: Wish, other: Wish) -> bool:
    return not one.instances or not other.instances or bool(set(one.instances) & set(other.instances))
