# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new lock changes, for people who have to agree with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .lockfile import Lock, Locked
from .units import human_bytes


@dataclass(frozen=True)
class Change:
    """``new_bytes``: in layers that the old pin of the model did not have."""

    name: str
    before: str
    after: str
    size: int
    new_bytes: int

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "before": self.before, "after": self.after, "new_bytes": self.new_bytes}

    def __str__(self) -> str:
        if not self.before:
            return f"+ {self.name} {self.after[:12]} ({human_bytes(self.size)})"
        if not self.after:
            return f"- {self.name} {self.before[:12]}"
        new = f"{human_bytes(self.size)}, {human_bytes(self.new_bytes)} of it in new layers"
        return f"~ {self.name} {self.before[:12]} → {self.after[:12]} ({new})"


def changes(before: Lock, after: Lock) -> tuple[Change, ...]:
    """In the order of names; none for equal locks."""
    keys = sorted({*before.models, *after.models})
    pairs = ((before.models.get(key), after.models.get(key)) for key in keys)
    return tuple(_change(old, new) for old, new in pairs if old != new)


def _change(old: Locked | None, new: Locked | None) -> Change:
    known = {blob.digest for blob in old.layers} if old else set()
    fresh = {blob.digest: blob.size for blob in new.layers if blob.digest not in known} if new else {}
    return Change(
        name=new.name.display if new else old.name.display if old else "",
        before=old.digest if old else "",
        after=new.digest if new else "",
        size=new.size if new else 0,
        new_bytes=sum(fresh.values()),
    )
