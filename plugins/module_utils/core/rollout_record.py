# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a rolling change on a host: which instances it is about, how each was before, how far each has come.

A state is written before the step it names, so after a kill the record tells the truth or something earlier: an
instance that is ``draining`` may not be drained yet, one that is ``planned`` was not touched.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

SCHEMA = 1
PLANNED, DRAINING, DRAINED, CHANGING, ADMITTING = "planned", "draining", "drained", "changing", "admitting"
DONE, FAILED, ROLLED_BACK = "done", "failed", "rolled_back"
STATES = (PLANNED, DRAINING, DRAINED, CHANGING, ADMITTING, DONE, FAILED, ROLLED_BACK)
#: Out of service, as far as the record knows, and nobody has proven that it may come back.
IN_DOUBT = frozenset({DRAINING, DRAINED, CHANGING, ADMITTING, FAILED})
KINDS = ("recreate", "restart", "remove", "admit")
FORWARD, BACK = "forward", "back"
DIRECTIONS = (FORWARD, BACK)
DESIRED, BEFORE = "desired", "before"
SOURCES = (DESIRED, BEFORE)
VERDICTS = ("done", "failed", "paused", "rolled_back")
FAILURE_ACTIONS = ("rollback", "pause", "continue")
MAX_MEMBERS = 256
MAX_TEXT = 1024

#: A Compose service. It becomes part of runtime commands, so nothing else is let in.
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_HEX = re.compile(r"([0-9a-f]{64})?", re.ASCII)
_RESIDENT = {
    "name": (str,),
    "digest": (str,),
    "size_vram": (int,),
    "size": (int,),
    "context_length": (int,),
    "keep_alive_seconds": (int, float, type(None)),
}


@dataclass(frozen=True)
class Member:
    """One instance of a rollout. ``image`` and ``image_id`` (64 hex) are those it ran before; ``source`` is which
    definition it has or gets now; ``at`` is when ``state`` was reached, ``why`` what went wrong."""

    name: str
    kind: str
    state: str = PLANNED
    reason: str = ""
    at: str = ""
    why: str = ""
    source: str = DESIRED
    image: str = ""
    image_id: str = ""
    residents: tuple[Mapping[str, Any], ...] = ()

    @property
    def in_doubt(self) -> bool:
        return self.state in IN_DOUBT


@dataclass(frozen=True)
class Rollout:
    """A rolling change. ``before`` is the text of the project file as it was, secrets included; ``goal`` a digest of
    what was asked for; ``event`` the last line for the audit log, of the number ``seq``."""

    id: str
    owner: str
    job: str
    goal: str
    started_at: str
    members: tuple[Member, ...]
    direction: str = FORWARD
    before: str = ""
    max_unavailable: int = 1
    max_failure_ratio: float = 0.0
    failure_action: str = "rollback"
    ended_at: str = ""
    verdict: str = ""
    message: str = ""
    seq: int = 0
    event: Mapping[str, Any] = field(default_factory=dict)

    def member(self, name: str) -> Member | None:
        return next((one for one in self.members if one.name == name), None)

    @property
    def in_doubt(self) -> tuple[Member, ...]:
        return tuple(one for one in self.members if one.in_doubt)

    @property
    def gone(self) -> frozenset[str]:
        """The names of those that were removed: nobody waits for them to serve."""
        return frozenset(one.name for one in self.members if one.kind == "remove" and one.state == DONE)

    @property
    def unfinished(self) -> bool:
        """A next run has something to finish: it was never ended, or it left an instance of which nobody knows."""
        return not self.ended_at or bool(self.in_doubt)

    def as_bytes(self) -> bytes:
        return (json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n").encode()

    def shown(self) -> dict[str, Any]:
        """For results: without the old project file, as its environment may hold secrets."""
        shown = asdict(self)
        for key in ("before", "event", "seq", "members"):
            del shown[key]
        members = {one.name: {**asdict(one), "residents": [dict(row) for row in one.residents]} for one in self.members}
        return {**shown, "instances": {name: _without_name(member) for name, member in members.items()}}


def _without_name(member: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in member.items() if key != "name"}


_NO_MEMBER, _NO_ROLLOUT = Member("", ""), Rollout("", "", "", "", "", ())


def is_service(name: Any) -> bool:
    """Whether a name may become part of a runtime command or of a project file."""
    return isinstance(name, str) and _SERVICE.fullmatch(name) is not None


def parse_rollout(raw: bytes) -> Rollout | None:
    """The record in a file's bytes; ``None`` for anything that no record can be."""
    try:
        document = json.loads(raw)
        if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
            return None
        rows = document.get("members")
        members = tuple(_member(row) for row in rows) if isinstance(rows, list) else (None,)
        return _rollout(document, tuple(one for one in members if one), len(members))
    except (ValueError, TypeError, RecursionError, OverflowError):
        return None


def _rollout(document: Mapping[str, Any], members: tuple[Member, ...], wanted: int) -> Rollout | None:
    found = _fields(_NO_ROLLOUT, document)
    names = {one.name for one in members}
    texts = ("id", "owner", "job", "goal", "started_at", "ended_at", "verdict", "message")
    ratio, number = found["max_failure_ratio"], found["max_unavailable"]
    sound = (
        len(members) == wanted == len(names) <= MAX_MEMBERS
        and all(is_text(found[key]) for key in texts)
        and isinstance(found["before"], str)
        and found["direction"] in DIRECTIONS
        and found["failure_action"] in FAILURE_ACTIONS
        and found["verdict"] in ("", *VERDICTS)
        and bool(found["id"])
        and _is_count(number)
        and number >= 1
        and _is_count(found["seq"])
        and isinstance(ratio, (int, float))
        and 0 <= ratio <= 1
        and isinstance(found["event"], Mapping)
    )
    return Rollout(**{**found, "members": members}) if sound else None


def _member(row: Any) -> Member | None:
    if not isinstance(row, Mapping):
        return None
    found = _fields(_NO_MEMBER, row)
    residents = found["residents"]
    sound = (
        is_service(found["name"])
        and found["kind"] in KINDS
        and found["state"] in STATES
        and found["source"] in SOURCES
        and all(is_text(found[key]) for key in ("reason", "at", "why", "image"))
        and isinstance(found["image_id"], str)
        and _HEX.fullmatch(found["image_id"]) is not None
        and isinstance(residents, (list, tuple))
    )
    rows = sound_residents(residents) if sound else None
    return Member(**{**found, "residents": rows}) if rows is not None else None


def sound_residents(rows: Iterable[Any]) -> tuple[dict[str, Any], ...] | None:
    """Models that were in memory, each with name, digest, size_vram, size, context_length and keep_alive_seconds
    (``None``: for ever); ``None`` when one is none."""
    found = []
    for row in rows:
        if not isinstance(row, Mapping) or not is_text(row.get("name")) or not row["name"]:
            return None
        known = {key: row[key] for key in _RESIDENT if key in row}
        for key, value in known.items():
            kinds = _RESIDENT[key]
            if isinstance(value, bool) or not isinstance(value, kinds):
                return None
            if isinstance(value, (int, float)) and not _finite(value):
                return None
        found.append(known)
    return tuple(found)


def is_text(value: Any) -> bool:
    """Short enough for a record, and nothing that would end a line of a log."""
    return isinstance(value, str) and len(value) <= MAX_TEXT and value.isprintable()


def _fields(blank: Rollout | Member, document: Mapping[str, Any]) -> dict[str, Any]:
    """What ``document`` says of the fields, and what a blank one has where it says nothing."""
    return {one.name: document.get(one.name, getattr(blank, one.name)) for one in fields(blank)}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9


def _finite(value: float) -> bool:
    return math.isfinite(value) and abs(value) < 1e18
