# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module decided to do. ``changed``, the diff and the warnings come from here, in check mode and out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Step:
    """One change: a verb in the infinitive (``publish``), what it acts on, and a detail for people."""

    action: str
    target: str
    detail: str = ""

    def as_dict(self) -> dict[str, str]:
        return {"action": self.action, "target": self.target, "detail": self.detail}


@dataclass(frozen=True)
class Plan:
    """The steps from ``before`` to ``after`` (user vocabulary); no steps means nothing to do."""

    steps: tuple[Step, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    @property
    def diff(self) -> dict[str, Any]:
        return {"before": dict(self.before), "after": dict(self.after)}
