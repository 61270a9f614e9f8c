# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances ran while a store was damaged, and so may remember what they saw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .engine_time import engine_time

_UP = ("running", "restarting")


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
