# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in memory where, and which of the declared residents are not, or not any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from .engine_time import engine_time
from .names import Key
from .probe_plan import Server, iso_time
from .resident_memory import Loaded
from .residents import Resident
from .verify_finding import PROBLEM, WARNING, VerifyFinding
from .wishes import Wish

RESIDENT, EVICTED = "resident", "evicted"
_PREWARM = "Run the playbook prewarm."


@dataclass(frozen=True)
class Seen:
    """One server, or why it does not tell. ``started_at``: when its container was started, as the engine writes it, ""
    where that is not known; ``expires``: by runner (in the order of ``loaded``) what the server says of its end."""

    server: Server
    loaded: tuple[Resident, ...] = ()
    expires: tuple[str, ...] = ()
    problem: str = ""
    started_at: str = ""


def findings(seen: Seen, wanted: Iterable[Wish], memory: Mapping[Key, Loaded], now: float) -> list[dict[str, Any]]:
    """Of one server, in the form of fleet.json. Of one that does not answer nothing is said: that is said elsewhere."""
    if seen.problem:
        return []
    found = (_finding(seen, wish, memory.get(wish.name.key), now) for wish in wanted)
    return [one for one in found if one is not None]


def runners(seen: Seen) -> list[dict[str, Any]]:
    """What is in memory, for people and for fleet.json."""
    return [
        {
            "name": one.name.display,
            "digest": one.digest,
            "size": one.size,
            "size_vram": one.size_vram,
            "context_length": one.context_length,
            "expires": expires,
        }
        for one, expires in zip(seen.loaded, seen.expires)
    ]


def expiry(one: Resident, text: str) -> str:
    """``never``, a moment in UTC, or "" for one that is asked just now (its moment is that of the request before)."""
    if one.forever:
        return "never"
    moment = engine_time(text) if one.keep_alive is not None else 0.0
    return iso_time(moment or None)


def _finding(seen: Seen, wish: Wish, known: Loaded | None, now: float) -> dict[str, Any] | None:
    name, server = wish.name.display, seen.server.name
    here = [one for one in seen.loaded if one.name.key == wish.name.key]
    if here:
        return _other_context(server, wish, here, known)
    if known is None or not known.should_stay(now):
        text = f"{server}: {name} is declared resident and not in memory. {_PREWARM}"
        return _entry(RESIDENT, WARNING, server, name, text)
    if engine_time(seen.started_at) > known.at:
        text = (
            f"{server}: {name} was loaded at {_at(known.at)}, before its container was started anew, and is not loaded"
        )
        return _entry(EVICTED, WARNING, server, name, f"{text} again. {_PREWARM}")
    instead = ", ".join(dict.fromkeys(one.name.display for one in seen.loaded)) or "nothing"
    text = f"{server}: {name} was loaded at {_at(known.at)} to stay, and was pushed out or unloaded since: in memory is"
    remedy = f"{instead}. {_PREWARM} Where it goes again, this instance has too little memory for what it is asked for."
    return _entry(EVICTED, PROBLEM, server, name, f"{text} {remedy}")


def _other_context(server: str, wish: Wish, here: Sequence[Resident], known: Loaded | None) -> dict[str, Any] | None:
    fits = [wish.context_length]
    if known is not None and known.asked == wish.context_length:
        fits.append(known.given)
    if not wish.context_length or any(one.context_length in fits for one in here):
        return None
    text = f"{server}: {wish.name.display} is in memory with a context of {here[0].context_length}, and declared with"
    why = "Somebody asks for it with another num_ctx, or with none. Set OLLAMA_CONTEXT_LENGTH, or have them ask alike."
    return _entry(RESIDENT, WARNING, server, wish.name.display, f"{text} {wish.context_length}. {why}")


def _entry(check: str, severity: str, instance: str, model: str, message: str) -> dict[str, Any]:
    return VerifyFinding(check, severity, message, instance, model).as_dict()


def _at(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
