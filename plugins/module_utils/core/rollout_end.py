# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rollout ends, and what is said about one: to whoever started it, and to whoever comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .errors import CorralError
from .rollout_begin import left_to_take_back
from .rollout_events import printable, stamp, told
from .rollout_plan import Batch
from .rollout_record import (
    ADMITTING,
    BACK,
    CHANGING,
    DONE,
    DRAINED,
    DRAINING,
    FAILED,
    PLANNED,
    ROLLED_BACK,
    Member,
    Rollout,
)

_WORDS = {
    PLANNED: "was not touched",
    DRAINING: "was being drained, nothing of it was changed yet",
    DRAINED: "was drained and not changed yet",
    CHANGING: "was being changed",
    ADMITTING: "was changed, and had not proven itself yet",
    DONE: "is done and serves",
    FAILED: "failed and is left out of service",
    ROLLED_BACK: "is what it was before and serves",
}
_GROUPS = (
    ("changed and serving", (DONE,)),
    ("back to what they were, and serving", (ROLLED_BACK,)),
    ("not touched", (PLANNED,)),
    ("out of service", (DRAINING, DRAINED, CHANGING, ADMITTING, FAILED)),
)


def ended(rollout: Rollout, verdict: str, message: str, now: float) -> Rollout:
    """The record when nobody works on it any more; raises when it is to be done and is not."""
    if rollout.ended_at and rollout.verdict == verdict:
        return rollout
    left = _left(rollout)
    if verdict == "done" and left:
        raise CorralError(
            f"The rollout {rollout.id} is not done: {'; '.join(member_sentence(one) for one in left)}.",
            kind="rollout_unfinished",
            remedy="Run it again: it goes on from there. Or end it with the verdict failed or paused.",
            instances=[one.name for one in left],
        )
    if verdict == "done" and rollout.direction == BACK:
        verdict = "rolled_back"
    text = printable(message)
    closed = replace(rollout, ended_at=stamp(now), verdict=verdict, message=text)
    states = {one.name: one.state for one in rollout.members}
    return told(
        closed, "ended", now, {"verdict": verdict, "message": text, "instances": list(states), "states": states}
    )


def report(rollout: Rollout | None) -> str:
    """Who is what now, in a few sentences."""
    if rollout is None:
        return ""
    parts = []
    for words, states in _GROUPS:
        names = [one.name + (f" ({one.why})" if one.why else "") for one in rollout.members if one.state in states]
        if names:
            parts.append(f"{words[0].upper()}{words[1:]}: {', '.join(names)}.")
    return " ".join(parts)


def member_sentence(member: Member) -> str:
    """How far one instance has come."""
    since = f" (since {member.at})" if member.at else ""
    why = f": {member.why}" if member.why else ""
    return f"{member.name} {_WORDS[member.state]}{since}{why}"


def sentences(rollout: Rollout | None) -> list[str]:
    """The rollout and each of its instances, for people."""
    if rollout is None:
        return []
    job = f", job {rollout.job}" if rollout.job else ""
    way = "The way back from the rollout" if rollout.direction == BACK else "The rollout"
    if rollout.ended_at:
        fate = f"ended {rollout.ended_at} as {rollout.verdict.replace('_', ' ')}"
        fate += f": {rollout.message}" if rollout.message else ""
    else:
        fate = "has not ended"
    head = f"{way} {rollout.id} ({rollout.owner}{job}, begun {rollout.started_at}) {fate.rstrip('.')}."
    return [head, *(f"{member_sentence(one)}." for one in rollout.members)]


def plan_sentences(old: Rollout | None, resumed: bool, batches: Sequence[Batch], rollout: Rollout) -> list[str]:
    """What is going to happen, in this order."""
    found = []
    if old is not None and old.unfinished:
        what = "This goes on with what" if resumed else "This begins with what"
        found.append(f"{what} the rollout {old.id} of {old.owner} left (begun {old.started_at}).")
    for number, batch in enumerate(batches, 1):
        how = ", the canary" if batch.canary else ""
        each = ", ".join(f"{one.name} ({one.kind}{f': {one.reason}' if one.reason else ''})" for one in batch.members)
        found.append(f"{number}. {each}{how}")
    if batches:
        found.append(f"At most {rollout.max_unavailable} out of service at any moment.")
    return found


def _left(rollout: Rollout) -> list[Member]:
    if rollout.direction == BACK:
        return [one for one in rollout.members if left_to_take_back(one)]
    return [one for one in rollout.members if one.in_doubt or one.state == PLANNED]
