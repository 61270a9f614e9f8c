# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a store can find, and which of it is damage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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
#: A result goes through Ansible's pipes and into job events: a hundred thousand stray files must not fill them.
MAX_TOLD = 1000


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


def by_kind(every: Iterable[Finding]) -> dict[str, int]:
    """How many there are of each kind, all counted."""
    return dict(sorted(Counter(finding.kind for finding in every).items()))


def told_of(every: Iterable[Finding], most: int = MAX_TOLD) -> list[dict[str, Any]]:
    """The findings for a result, in their order, the first ``most`` of each kind."""
    seen: Counter[str] = Counter()
    shown = []
    for finding in every:
        seen[finding.kind] += 1
        if seen[finding.kind] <= most:
            shown.append(finding.as_dict())
    return shown
