# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a repair last changed what servers may remember, and of which models: those that ran then have to restart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class RepairMark:
    """``repaired_at`` in seconds since 1970, 0 for never; ``models``: when each was repaired last.

    ``open``: a repair was begun, and nobody wrote that it ended: it may have changed anything since.
    """

    repaired_at: float = 0.0
    models: Mapping[str, float] = field(default_factory=dict)
    open: bool = False

    def begun(self, models: Iterable[str], now: float) -> RepairMark:
        return replace(self, models={**self.models, **dict.fromkeys(models, now)}, open=True)

    def ended(self, models: Iterable[str], now: float) -> RepairMark:
        """Also the models of a repair before that never ended: nobody knows what it did when."""
        unsure = [name for name, at in self.models.items() if at > self.repaired_at] if self.open else []
        return RepairMark(now, {**self.models, **dict.fromkeys((*unsure, *models), now)})

    def of(self, present: Iterable[str]) -> RepairMark:
        """Without the models that are no more."""
        there = set(present)
        return replace(self, models={name: at for name, at in self.models.items() if name in there})

    def as_bytes(self) -> bytes:
        document = {"schema": 1, "repaired_at": self.repaired_at, "open": self.open, "models": dict(self.models)}
        return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def parse_mark(raw: bytes) -> RepairMark | None:
    """``None`` for what is no mark."""
    try:
        document = json.loads(raw)
        at, models = document["repaired_at"], document["models"]
        times = {str(name): float(when) for name, when in models.items()}
        if isinstance(at, bool) or not 0 <= float(at) < 1e11 or not all(0 <= when < 1e11 for when in times.values()):
            return None
        return RepairMark(float(at), times, document.get("open") is True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
