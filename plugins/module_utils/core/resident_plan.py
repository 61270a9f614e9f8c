# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which instances have an older model in memory than they list, and what is left of it once the new one is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .probe_plan import ModelResult, Server, WantedModel
from .residents import Resident

NONE, RELOAD = "none", "reload"


@dataclass(frozen=True)
class Stale:
    """One model of one server that is, or was, in memory at another digest than ``wanted``.

    ``old``: its runners at other digests, as they were before. ``stays``: those that are left. ``asked``: the answer.
    """

    server: Server
    model: WantedModel
    old: tuple[Resident, ...]
    action: str
    stays: tuple[Resident, ...] = ()
    asked: ModelResult | None = None

    @property
    def kept(self) -> Resident:
        """The runner whose time and context the new one gets: the one that stays longest."""
        return max(self.old, key=_longest)

    @property
    def forever(self) -> Resident | None:
        return next((one for one in self.stays if one.forever), None)

    def as_dict(self) -> dict[str, Any]:
        asked = self.asked or ModelResult(self.model.name.display, self.model.digest)
        kept = self.kept
        return {
            "name": self.model.name.display,
            "digest": self.model.digest,
            "old_digests": sorted({one.digest for one in self.old}),
            "action": self.action,
            "keep_alive_seconds": kept.keep_alive,
            "context_length": kept.context_length,
            "answered": asked.answered,
            "endpoint": asked.endpoint,
            "seconds": round(asked.seconds, 3),
            "load_seconds": round(asked.load_seconds, 3),
            "old_stays": _stays(self.stays),
            "problem": asked.problem,
        }


def stale_models(
    server: Server, models: Iterable[WantedModel], loaded: Sequence[Resident], same_weights: Iterable[str] = ()
) -> tuple[Stale, ...]:
    """The models of a server that are in memory at another digest; asked for anew only while none has the right one.

    ``same_weights``: models (as displayed) of which only other layers moved; their runner is the new one's too, and so
    is replaced by it.
    """
    found = []
    shared = set(same_weights)
    for model in models:
        runners = [one for one in loaded if one.name.key == model.name.key]
        old = tuple(one for one in runners if one.digest != model.digest)
        if old and model.digest:
            action = RELOAD if len(old) == len(runners) else NONE
            gone = action == RELOAD and model.name.display in shared
            found.append(Stale(server, model, old, action, () if gone else old))
    return tuple(found)


def after(stale: Stale, loaded: Sequence[Resident]) -> Stale:
    """What is left of the old ones now."""
    left = (one for one in loaded if one.name.key == stale.model.name.key and one.digest != stale.model.digest)
    return replace(stale, stays=tuple(left))


def to_restart(rows: Iterable[Stale]) -> list[dict[str, str]]:
    """The instances that keep old layers for ever: only a restart gets rid of them. As rolling_restart takes them."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        kept = row.forever
        if kept is not None:
            text = f"{row.model.name.display} stays loaded at {kept.digest[:12]}, and is {row.model.digest[:12]} now"
            reasons.setdefault(row.server.name, []).append(text)
    return [{"name": name, "kind": "restart", "reason": "; ".join(texts)} for name, texts in reasons.items()]


def _stays(left: Sequence[Resident]) -> str:
    if not left:
        return ""
    longest = max(left, key=_longest)
    if longest.forever:
        return "for ever"
    return "until it is idle" if longest.keep_alive is None else f"for {longest.keep_alive} s"


def _longest(one: Resident) -> tuple[bool, int]:
    return one.forever, one.keep_alive or 0
