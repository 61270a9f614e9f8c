# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances ran while a store was damaged, and so may remember what they saw."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

_UP = ("running", "restarting")
_ENGINE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def engine_time(text: str) -> float:
    """A moment as the engine writes it, in seconds since 1970; 0 for what is none: then it counts as long ago."""
    found = _ENGINE_TIME.fullmatch(text)
    if found is None:
        return 0.0
    zone = "+00:00" if found[3] == "Z" else found[3]
    try:
        return datetime.fromisoformat(found[1] + zone).timestamp() + float(f"0{found[2] or '.0'}")
    except (ValueError, OverflowError):
        return 0.0


def to_restart(
    instances: Iterable[Mapping[str, Any]],
    repaired_at: float,
    repaired_models: Iterable[Mapping[str, Any]],
    volume: str = "",
) -> list[dict[str, Any]]:
    """The instances that run since before ``repaired_at``, each with the ``models`` that were repaired under it.

    With ``volume`` only those that mount it.
    """
    repaired = [(str(one["name"]), float(one["at"])) for one in repaired_models]
    found = []
    for instance in instances:
        started = engine_time(str(instance.get("started_at") or ""))
        mounted = not volume or any(one.get("name") == volume for one in instance.get("volumes") or ())
        if instance.get("state") in _UP and mounted and started < repaired_at:
            found.append({**instance, "models": [name for name, at in repaired if at > started]})
    return found
