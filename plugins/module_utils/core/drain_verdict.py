# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a batch may be taken out of service: how many instances are out already, and how many may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .problems import Problem

#: "no check" is what the gateway says of a server that it does not check; it sends requests there.
_SERVING = ("UP", "no check")


@dataclass(frozen=True)
class Standing:
    """One instance as it is seen now: ``serves`` says whether it is in service, ``how`` what was seen."""

    name: str
    serves: bool
    how: str = ""


def serving(status: str) -> bool:
    """Whether the gateway's word for a server means that it gets requests and nothing is wrong with it."""
    return status in _SERVING


def is_down(status: str) -> bool:
    return status.startswith("DOWN")


def refusal(batch: Sequence[Standing], others: Sequence[Standing], limit: int) -> Problem | None:
    """Why the batch must not be taken out, None when it may. One that is out already takes nothing away."""
    taken = [one.name for one in batch if one.serves]
    out = [one for one in others if not one.serves]
    if not taken:
        return None
    names = ", ".join(one.name for one in batch)
    facts = {"batch": [one.name for one in batch], "out": [one.name for one in out], "max_unavailable": limit}
    because = "; ".join(f"{one.name} is {one.how or 'out'}" for one in out)
    if others and len(out) == len(others):
        return Problem(
            "last_in_service",
            f"{names} cannot be drained: no other instance of this host is in service ({because}).",
            "Bring another instance back first (corral.ollama.rolling_restart finishes what was begun).",
            facts,
        )
    if len(out) + len(batch) > limit:
        return Problem(
            "too_many_out",
            f"{names} cannot be drained: with {len(batch)} more, {len(out) + len(batch)} of {len(batch) + len(others)}"
            f" instances would be out and at most {limit} may be ({because or 'none is out now'}).",
            "Bring those back first, or raise max_unavailable.",
            facts,
        )
    return None
