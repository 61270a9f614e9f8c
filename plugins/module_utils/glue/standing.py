# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How instances stand now: in service or not, and what they have in memory. Nothing is raised for one that is out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.declared import BadInput
from ..core.drain_verdict import Standing, serving
from ..core.residents import Resident, residents
from ..core.rollout_record import is_service
from ..server.client import OllamaClient
from ..server.errors import ServerError
from .at_once import each
from .gateway_door import Door


@dataclass(frozen=True)
class Target:
    """An instance as the playbook names it; ``url`` is empty for one without an address."""

    name: str
    url: str
    kind: str = ""


def targets(entries: Iterable[Mapping[str, Any]], option: str) -> tuple[Target, ...]:
    """From dictionaries with ``name`` and ``url``. A name becomes part of runtime commands, so it is checked here."""
    found: dict[str, Target] = {}
    for entry in entries:
        name, url = entry.get("name"), str(entry.get("url") or "")
        if not is_service(name):
            raise BadInput(f"{option}: {ascii(name)[:80]} cannot be the name of an instance.")
        if url and (not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url):
            raise BadInput(f"{option}: {name} has the url {ascii(url)[:80]}, which is no http:// or https:// address.")
        if name in found:
            raise BadInput(f"{option}: {name} is listed twice.")
        found[str(name)] = Target(str(name), url.rstrip("/"), str(entry.get("kind") or ""))
    return tuple(found.values())


def others_than(members: Iterable[Target], entries: Iterable[Mapping[str, Any]]) -> tuple[Target, ...]:
    """From the option ``others``, which may list the batch itself as well."""
    names = {one.name for one in members}
    return tuple(one for one in targets(entries, "others") if one.name not in names)


def answers(target: Target, timeout: float) -> bool:
    """Whether /api/version answers."""
    try:
        return bool(target.url) and bool(OllamaClient(target.url, timeout).version())
    except ServerError:
        return False


def standings(door: Door, wanted: Sequence[Target], timeout: float) -> list[Standing]:
    """What the gateway says; of those that it does not know (or without one), whether they answer."""
    states = door.servers()

    def stand(target: Target) -> Standing:
        state = states.get(target.name)
        if state is not None and state.known:
            return Standing(target.name, serving(state.status), f"{state.status} at the gateway")
        if not target.url:
            return Standing(target.name, False, "without an address")
        return Standing(target.name, answers(target, timeout), "not answering /api/version")

    return each(wanted, stand)


def in_memory(target: Target, timeout: float, now: Callable[[], float] = time.time) -> tuple[Resident, ...] | None:
    """What it has loaded; None when it does not tell."""
    try:
        return residents(OllamaClient(target.url, timeout).ps(), now()) if target.url else None
    except ServerError:
        return None
