# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order instances are changed, how many at the same time, and what follows when one fails."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from .declared import BadInput
from .errors import CorralError
from .rollout_record import FAILED, ROLLED_BACK, Rollout

_SHARE = re.compile(r"([0-9]{1,3})\s*%", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,3}", re.ASCII)
#: What proves that a change is good; letting an instance in again, or removing one, proves nothing about the others.
_TRIED = ("recreate", "restart")


@dataclass(frozen=True)
class Todo:
    """One instance to be changed. ``in_doubt``: an earlier run left it half changed; ``out``: it serves nobody now."""

    name: str
    kind: str
    reason: str = ""
    in_doubt: bool = False
    out: bool = False


@dataclass(frozen=True)
class Knobs:
    """``limit``: instances that may be out at the same time; ``batch``: how many are changed at the same time, 0 for as
    many as may; ``canary``: how many are changed first, each by itself."""

    limit: int = 1
    batch: int = 0
    canary: int = 1


@dataclass(frozen=True)
class Batch:
    """Instances that are changed at the same time."""

    members: tuple[Todo, ...]
    canary: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.members)

    def rows(self) -> list[dict[str, Any]]:
        return [
            {
                "name": one.name,
                "kind": one.kind,
                "reason": one.reason,
                "in_doubt": one.in_doubt,
                "canary": self.canary,
            }
            for one in self.members
        ]


@dataclass(frozen=True)
class Decision:
    """After a failure: whether the next batch may begin, and whether those that failed go back to what they were."""

    go_on: bool
    roll_back: bool
    sentence: str


def max_unavailable(value: Any, total: int) -> int:
    """``2`` or ``25%`` of ``total`` instances as a number; a share is rounded down, and at least 1."""
    text = str(value).strip()
    share = _SHARE.fullmatch(text)
    if share and 1 <= int(share[1]) <= 100:
        return max(1, total * int(share[1]) // 100)
    if _NUMBER.fullmatch(text) and int(text) >= 1:
        return int(text)
    raise BadInput(
        f"max_unavailable is {ascii(text)[:40]}, neither a number from 1 on nor a share from 1% to 100%.",
        remedy="Set it to the number of instances that may be out of service at the same time, for example 1 or 25%.",
        found=text[:40],
    )


def batches(todo: Sequence[Todo], others_out: Collection[str], knobs: Knobs) -> tuple[Batch, ...]:
    """Those in doubt first and those that are out anyway next, as changing them takes no service away; then the canary,
    each of them alone; then the others, what is removed last.

    ``others_out``: instances that are out and are not to be changed. They count: raises ``too_many_out`` when they
    leave no room for one more.
    """
    size = min(knobs.batch or knobs.limit, knobs.limit)
    doubtful = [one for one in todo if one.in_doubt]
    out = [one for one in todo if one.out and not one.in_doubt]
    serving = [one for one in todo if not one.out and not one.in_doubt]
    serving.sort(key=lambda one: one.kind == "remove")
    room = knobs.limit - len(others_out)
    if serving and room < 1:
        raise _too_many(serving, sorted(others_out), knobs.limit)
    tried = [one for one in serving if one.kind in _TRIED]
    # a canary that nobody follows is only a slow way to change one instance
    canary = tried[: knobs.canary] if len(tried) > knobs.canary else []
    rest = [one for one in serving if one not in canary]
    return (
        *_chunks(doubtful, size),
        *_chunks(out, size),
        *(Batch((one,), canary=True) for one in canary),
        *_chunks(rest, max(1, min(size, room))),
    )


def decision(rollout: Rollout) -> Decision:
    """What follows from the states of the record when an instance has failed."""
    failed = [one.name for one in rollout.members if one.state in (FAILED, ROLLED_BACK)]
    left_out = [one.name for one in rollout.members if one.state == FAILED]
    action, total = rollout.failure_action, len(rollout.members)
    exceeded = len(failed) > rollout.max_failure_ratio * total
    told = f"{len(failed)} of {total} failed, {rollout.max_failure_ratio:.0%} may (failure_action {action})"
    roll_back = action != "pause"
    if exceeded and action != "continue":
        return Decision(False, roll_back, f"{told}: the rollout ends here, and the others are left alone.")
    if not roll_back and len(left_out) >= rollout.max_unavailable:
        sentence = f"{told}: {', '.join(left_out)} stay out of service, and no more than that may be."
        return Decision(False, roll_back, sentence)
    return Decision(True, roll_back, f"{told}: the rollout goes on.")


def _chunks(todo: Sequence[Todo], size: int) -> list[Batch]:
    return [Batch(tuple(todo[start : start + size])) for start in range(0, len(todo), size)]


def _too_many(serving: Sequence[Todo], others: Sequence[str], limit: int) -> CorralError:
    verb = "is" if len(others) == 1 else "are"
    return CorralError(
        f"{', '.join(others)} {verb} out of service, and max_unavailable is {limit}: no further instance may be "
        f"changed ({', '.join(one.name for one in serving)}).",
        kind="too_many_out",
        remedy="Start them first (playbook corral.ollama.deploy), see why they are down, or raise max_unavailable.",
        out=list(others),
        max_unavailable=limit,
    )
