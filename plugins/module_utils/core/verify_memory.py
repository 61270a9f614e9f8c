# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification remembers of the containers, so that the next one can say what happened in between."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1


@dataclass(frozen=True)
class Boot:
    """One container as it was: ``id`` tells it from one that was made anew, ``started_at`` is the engine's text."""

    id: str = ""
    started_at: str = ""
    restarts: int = 0
    oom_killed: bool = False


@dataclass(frozen=True)
class VerifyMemory:
    """``at`` is when it was looked, in seconds since 1970, 0 for never; ``instances`` by name."""

    at: float = 0.0
    instances: Mapping[str, Boot] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        rows = {name: asdict(boot) for name, boot in sorted(self.instances.items())}
        return (json.dumps({"schema": SCHEMA, "at": round(self.at, 6), "instances": rows}, indent=1) + "\n").encode()


def memory_of(containers: Iterable[Mapping[str, Any]], now: float) -> VerifyMemory:
    """From the rows of ``instance_info``."""
    return VerifyMemory(now, {str(row["name"]): boot_of(row) for row in containers})


def boot_of(row: Mapping[str, Any]) -> Boot:
    return Boot(str(row["id"]), str(row["started_at"]), int(row["restarts"]), bool(row["oom_killed"]))


def parse_verify_memory(raw: bytes, now: float) -> VerifyMemory:
    """Nothing for what is no such file, or is from the future: then everything is seen for the first time."""
    try:
        document = json.loads(raw)
        if document["schema"] != SCHEMA or isinstance(document["at"], bool) or not 0 < float(document["at"]) <= now:
            return VerifyMemory()
        rows = {str(name): _boot(row) for name, row in document["instances"].items()}
        return VerifyMemory(float(document["at"]), rows)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return VerifyMemory()


def _boot(row: Mapping[str, Any]) -> Boot:
    return Boot(str(row["id"]), str(row["started_at"]), int(row["restarts"]), row["oom_killed"] is True)
