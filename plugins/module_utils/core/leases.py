# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may write to a store or lead a rollout, and until when: what the lease file says, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timezone
from typing import Any

from .errors import CorralError

MAX_TTL = 86400
_TEXTS = ("token", "owner", "job", "host")
_TIMES = ("acquired_at", "renewed_at", "expires_at")


class LeaseHeld(CorralError):
    """Somebody else has the lease, and it is live."""

    kind = "lease_held"


class LeaseLost(CorralError):
    """The lease is not (or no more) held under this token."""

    kind = "lease_lost"


@dataclass(frozen=True)
class Purpose:
    """What a lease is for, in the words of its messages: ``what`` it is the lease of, and what helps when it is lost,
    or when nothing is there to have a lease on."""

    what: str
    lost: str
    not_ready: str
    missing: str

    def error(self, root: str, missing: str) -> CorralError:
        """For whoever needs the lease's own directory ``missing``, which is not there (yet)."""
        message = f"{root} is not ready to be a {self.what}: {missing} is missing."
        return CorralError(message, kind=self.not_ready, remedy=self.missing, path=root)


STORE = Purpose(
    "store",
    lost="Take the lease (corral.ollama.store_lease) and run again: what was pulled is kept.",
    not_ready="store_not_ready",
    missing="Run corral.ollama.store (role model_store) for it first.",
)
ROLLOUT = Purpose(
    "rollout",
    lost="Run the playbook again: the record says how far it came, and the next run goes on from there.",
    not_ready="rollout_not_begun",
    missing="Begin one first (corral.ollama.rollout, role rolling_restart).",
)


@dataclass(frozen=True)
class Lease:
    """Times are unix seconds on the clock of the store's host; ``pid`` is for people, the token decides."""

    token: str
    owner: str
    job: str
    host: str
    pid: int
    acquired_at: float
    renewed_at: float
    expires_at: float

    def live(self, now: float) -> bool:
        """Not expired; one renewed further in the future than it lasts tells of a clock that was set back."""
        return self.renewed_at - self.ttl <= now < self.expires_at

    @property
    def ttl(self) -> float:
        return self.expires_at - self.renewed_at

    def renewed(self, now: float, ttl: float) -> Lease:
        return replace(self, renewed_at=now, expires_at=now + ttl)

    def due(self, now: float, ttl: float) -> bool:
        """A third of its time has passed (or another time is asked for): worth renewing."""
        return now + ttl - self.expires_at > ttl / 3 or abs(ttl - self.ttl) > 1.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def as_bytes(self) -> bytes:
        return (json.dumps({"schema": 1, **self.as_dict()}, indent=1) + "\n").encode()

    def told(self) -> str:
        """For people: who has it since when."""
        job = f"job {self.job}, " if self.job else ""
        return (
            f"held by {self.owner} ({job}host {self.host}, pid {self.pid}) since {clock(self.acquired_at)}, "
            f"renewed {clock(self.renewed_at)}, expires {clock(self.expires_at)}"
        )


def clock(when: float) -> str:
    """Unix seconds as UTC text."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")


def parse_lease(raw: bytes) -> Lease | None:
    """The lease in a file's bytes; ``None`` for anything that no lease can be."""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, Mapping):
        return None
    texts = [document.get(key) for key in _TEXTS]
    times = [document.get(key) for key in _TIMES]
    pid = document.get("pid")
    sound = (
        all(isinstance(text, str) and len(text) <= 1000 for text in texts)
        and all(isinstance(when, (int, float)) and 0 <= when < 1e11 for when in times)
        and isinstance(pid, int)
        and bool(texts[0])
    )
    return Lease(**{field.name: document[field.name] for field in fields(Lease)}) if sound else None


def held_error(path: str, lease: Lease, purpose: Purpose = STORE) -> LeaseHeld:
    """What everybody else is told."""
    return LeaseHeld(
        f"The lease of the {purpose.what} {path} is {lease.told()}.",
        remedy="Wait for that job (option wait), or if it is gone, for the expiry: the next run takes it over.",
        path=path,
        lease=lease.as_dict(),
    )


def lost_error(path: str, lease: Lease | None, now: float, purpose: Purpose = STORE) -> LeaseLost:
    """What the one is told who thought that it had the lease."""
    if lease is None:
        found = "nobody holds it"
    elif lease.live(now):
        found = f"it is {lease.told()}"
    else:
        found = f"it expired at {clock(lease.expires_at)}"
    return LeaseLost(
        f"The lease of the {purpose.what} {path} is not held under the given token: {found}. Nothing more was written.",
        remedy=purpose.lost,
        path=path,
        lease=lease.as_dict() if lease else {},
    )
