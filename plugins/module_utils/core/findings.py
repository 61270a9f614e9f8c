# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a store can find, and which of it is damage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: A model is not what its name and manifest say, or readers cannot serve it.
DAMAGE = frozenset(
    {
        "missing",
        "short",
        "long",
        "wrong_hash",
        "unreadable",
        "bad_manifest",
        "bad_name",
        "wrong_owner",
        "wrong_mode",
    }
)
#: Only takes room: no model is worse for it.
CLUTTER = frozenset({"orphan", "partial", "stray"})
KINDS = DAMAGE | CLUTTER


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. ``path`` is below the store; ``models`` are those that it affects."""

    kind: str
    path: str
    message: str
    digest: str = ""
    models: tuple[str, ...] = ()
    expected: str = ""
    found: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown kind of finding: {self.kind}")

    @property
    def damage(self) -> bool:
        return self.kind in DAMAGE

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "damage": self.damage,
            "path": self.path,
            "message": self.message,
            "digest": self.digest,
            "models": list(self.models),
            "expected": self.expected,
            "found": self.found,
        }
