# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the record of a rollout goes on: each change of it is one event, and each event one line of the audit log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from .declared import BadInput
from .errors import CorralError
from .rollout_record import (
    BACK,
    BEFORE,
    DONE,
    MAX_TEXT,
    ROLLED_BACK,
    SOURCES,
    STATES,
    Member,
    Rollout,
    is_service,
    sound_residents,
)

#: A line this short is written at once: readers see it whole, or torn by a crash, and never mixed with another.
MAX_LINE = 4000
_SHORT = 400


def stamp(now: float) -> str:
    """Unix seconds as UTC text with milliseconds."""
    return datetime.fromtimestamp(now, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def marked(rollout: Rollout, names: Iterable[str], state: str, now: float, facts: Mapping[str, Any]) -> Rollout:
    """The record when these instances reach a state. Of the facts, ``why``, ``residents`` and ``source`` are kept with
    the instance (``why`` until the next state); all are told to the audit log. Raises for what is not in the record."""
    chosen = list(dict.fromkeys(names))
    unknown = [name for name in chosen if rollout.member(name) is None]
    if unknown:
        shown = ", ".join(ascii(name)[:100] for name in unknown[:10])
        raise CorralError(
            f"The rollout {rollout.id} is not about {shown}.",
            kind="rollout_unknown_instance",
            remedy="Begin a rollout with these among its changes (corral.ollama.rollout).",
            instances=unknown,
        )
    if state not in STATES:
        raise BadInput(f"{ascii(state)[:40]} is no state of an instance.", remedy=f"Use one of {', '.join(STATES)}.")
    more = {"at": stamp(now), "why": "", **_kept(facts)}
    reached = {name: _reached(rollout, name, state, more.get("source")) for name in chosen}
    members = tuple(
        replace(one, state=reached[one.name], **more) if one.name in reached else one for one in rollout.members
    )
    event = next(iter(reached.values())) if len(set(reached.values())) == 1 else state
    return told(replace(rollout, members=members), event, now, {"instances": chosen, **facts})


def _reached(rollout: Rollout, name: str, state: str, source: str | None) -> str:
    """Who is done with its old definition is back where it was."""
    member = rollout.member(name)
    source = source or (member.source if member else "")
    return ROLLED_BACK if state == DONE and (rollout.direction == BACK or source == BEFORE) else state


def told(rollout: Rollout, event: str, now: float, facts: Mapping[str, Any]) -> Rollout:
    """The record with the line that the audit log gets for this change."""
    head = {"at": stamp(now), "rollout": rollout.id, "seq": rollout.seq + 1, "owner": rollout.owner, "job": rollout.job}
    return replace(rollout, seq=rollout.seq + 1, event=_bounded({**head, "event": event, **_plain(facts)}))


def audit_line(event: Mapping[str, Any]) -> bytes:
    """One line, its end included."""
    return (json.dumps(event, sort_keys=False) + "\n").encode()


def audit_events(raw: bytes) -> list[dict[str, Any]]:
    """The events in (the end of) an audit log; what is torn or foreign is left out."""
    found = []
    for line in raw.split(b"\n"):
        try:
            event = json.loads(line) if len(line) <= MAX_LINE else None
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            found.append(event)
    return found


def residents_of(rollout: Rollout | None, name: str) -> tuple[dict[str, Any], ...]:
    """The models that were in an instance's memory before it was drained."""
    member = rollout.member(name) if rollout else None
    return tuple(dict(row) for row in member.residents) if member else ()


def printable(text: Any, limit: int = MAX_TEXT) -> str:
    """Any text as one line that a record takes."""
    line = "".join(char if char.isprintable() else " " for char in str(text))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def new_member(name: Any, kind: str, **more: Any) -> Member:
    """A member of validated name."""
    if not is_service(name):
        raise BadInput(
            f"{ascii(name)[:100]} cannot be the name of an instance.", remedy="Use the names of the Compose services."
        )
    return Member(name=name, kind=kind, **more)


def _kept(facts: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    if "why" in facts:
        kept["why"] = printable(facts["why"])
    if "source" in facts:
        if facts["source"] not in SOURCES:
            raise BadInput(f"source is {ascii(facts['source'])[:40]}.", remedy=f"Use one of {', '.join(SOURCES)}.")
        kept["source"] = facts["source"]
    if "residents" in facts:
        rows = sound_residents(facts["residents"])
        if rows is None:
            raise BadInput("residents is no list of models with a name each.", remedy="Report this as a bug.")
        kept["residents"] = rows
    return kept


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as JSON has them; of residents, their names."""
    plain = {}
    for key, value in facts.items():
        if key == "residents":
            value = [row.get("name", "") for row in value]
        elif isinstance(value, str):
            value = printable(value)
        plain[key] = value
    return dict(json.loads(json.dumps(plain, default=lambda one: printable(one, _SHORT))))


def _bounded(event: dict[str, Any]) -> dict[str, Any]:
    """Short enough for a line: long texts are cut first, then what is no text is left out, the longest first."""
    if len(audit_line(event)) <= MAX_LINE:
        return event
    event = {key: printable(value, _SHORT) if isinstance(value, str) else value for key, value in event.items()}
    while len(audit_line(event)) > MAX_LINE:
        longest = max(event, key=lambda key: len(json.dumps(event[key])))
        event = {**event, longest: "…"}
    return event
