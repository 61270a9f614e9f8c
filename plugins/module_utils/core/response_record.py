# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was done on a host because of alerts: the memory from which cooldown and cap follow, whoever asks next."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

SCHEMA = 1
#: What can be done about an alert, the one that helps the most first.
REPAIR, RESTART, SCRUB = "repair", "restart", "scrub"
ACTIONS = (REPAIR, RESTART, SCRUB)
STORE = "store"
DONE, FAILED, INTERRUPTED = "done", "failed", "interrupted"
_KEEP_SECONDS, _KEEP = 30 * 86400.0, 300
_TEXTS = ("id", "action", "subject", "alert", "owner", "job", "outcome", "why")
_MOMENTS = ("at", "until", "ended_at")


@dataclass(frozen=True)
class Response:
    """One thing that was begun. ``subject`` is ``store`` or an instance; ``until`` is when whoever began it counts as
    dead; ``outcome`` is empty while it is at work. Moments are Unix seconds of the host's clock."""

    id: str
    action: str
    subject: str
    alert: str
    at: float
    until: float
    owner: str = ""
    job: str = ""
    outcome: str = ""
    ended_at: float = 0.0
    why: str = ""

    def at_work(self, now: float) -> bool:
        """One that begins in the future tells of a clock that was set back, and of nobody at work."""
        return not self.outcome and self.at - 60 <= now < self.until

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


Record = tuple[Response, ...]


def record_bytes(record: Record) -> bytes:
    rows = [one.as_dict() for one in record]
    return (json.dumps({"schema": SCHEMA, "responses": rows}, indent=1) + "\n").encode()


def parse_record(raw: bytes) -> Record | None:
    """``None`` for what cannot be read as one: to take that for an empty record would lift the cap."""
    try:
        document = json.loads(raw)
        if document["schema"] != SCHEMA or not isinstance(document["responses"], list):
            return None
        found = tuple(_response(row) for row in document["responses"])
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    return found if len({one.id for one in found}) == len(found) else None


def begun(record: Record, new: Response) -> Record:
    """With one more; those that were left at work are closed, what is old goes."""
    kept = (
        one if one.outcome else replace(one, outcome=INTERRUPTED, ended_at=new.at, why="nobody ended it")
        for one in record
        if abs(new.at - one.at) < _KEEP_SECONDS
    )
    return (*tuple(kept)[-_KEEP + 1 :], new)


def ended(record: Record, token: str, outcome: str, why: str, now: float) -> Record:
    """The one that ``token`` began as it ended. One that counted as interrupted meanwhile was not."""
    return tuple(
        replace(one, outcome=outcome, why=why, ended_at=now) if one.id == token and one.outcome != outcome else one
        for one in record
    )


def recent(record: Record, now: float, seconds: float) -> Record:
    """Those of the last ``seconds``, in either direction: a clock that was set does not lift a limit."""
    return tuple(one for one in record if abs(now - one.at) < seconds)


def at_work(record: Iterable[Response], now: float) -> Response | None:
    return next((one for one in record if one.at_work(now)), None)


def _response(row: Mapping[str, Any]) -> Response:
    for key in _TEXTS:
        if not isinstance(row[key], str) or len(row[key]) > 1000:
            raise ValueError(key)
    for key in _MOMENTS:
        if isinstance(row[key], bool) or not math.isfinite(row[key]) or not 0 <= row[key] < 1e11:
            raise ValueError(key)
    if row["action"] not in ACTIONS or row["outcome"] not in ("", DONE, FAILED, INTERRUPTED) or not row["id"]:
        raise ValueError("action")
    return Response(**{one.name: row[one.name] for one in fields(Response)})
