# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a rollout begins: as a new one, as one that was interrupted, or back from what the last one changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .declared import BadInput
from .digests import parse_digest, sha256_bytes
from .errors import CorralError
from .rollout_events import new_member, printable
from .rollout_plan import Todo
from .rollout_record import BACK, DESIRED, DONE, FORWARD, KINDS, PLANNED, ROLLED_BACK, Member, Rollout

#: What leaves no trace that could be compared: only the record knows that it was done.
_UNSEEN = ("restart", "admit")
Instances = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Beginning:
    """``head`` is the record without its members: who begins, what for, within which bounds. ``instances``: those of
    the host by name; ``before``: the text of the project file to go back to, and the services in it."""

    head: Rollout
    instances: Instances
    before: str = ""
    services: Collection[str] = ()


@dataclass(frozen=True)
class Begun:
    """``rollout`` is ``None`` when there is nothing to do and nothing to close."""

    rollout: Rollout | None
    todo: tuple[Todo, ...]
    resumed: bool = False


def goal_digest(text: str) -> str:
    """What was asked for, so that it can be compared and not be read."""
    return sha256_bytes(text.encode("utf-8", "surrogatepass"))


def parse_changes(rows: Sequence[Mapping[str, Any]]) -> tuple[Todo, ...]:
    """The changes that are asked for, each of another instance."""
    found = {}
    for row in rows:
        name, kind = row.get("name"), row.get("kind")
        if kind not in KINDS:
            raise BadInput(f"{ascii(kind)[:40]} is no kind of change.", remedy=f"Use one of {', '.join(KINDS)}.")
        if name in found:
            raise BadInput(f"{ascii(name)[:100]} is among the changes twice.", remedy="Name each instance once.")
        member = new_member(name, kind, reason=printable(row.get("reason") or "", 400))
        found[member.name] = Todo(member.name, kind, member.reason)
    return tuple(found.values())


def forward(old: Rollout | None, changes: Sequence[Todo], begin: Beginning) -> Begun:
    """A new rollout, or the one that was interrupted on its way to the same goal. What an earlier one left in doubt
    comes first, whatever it was about, and is let in again when nothing else is to be done with it."""
    left = old if old is not None and old.unfinished else None
    wanted = {one.name: one for one in changes}
    same = left is not None and left.direction == FORWARD and left.goal == begin.head.goal
    doubtful = [one for one in left.in_doubt if _exists(one.name, wanted, begin.instances)] if left else []
    todo = [_again(one, wanted.get(one.name), left) for one in doubtful if left]
    names = {one.name for one in todo}
    for change in changes:
        if change.name not in names and not (same and left and _did(left.member(change.name), change)):
            todo.append(replace(change, out=_is_out(change.name, begin.instances)))
    if left is None and not todo:
        return Begun(None, ())
    if left is not None and (same or not todo):
        return Begun(_resumed(left, todo, begin), tuple(todo), resumed=True)
    known = {one.name: one for one in doubtful}
    members = tuple(_member(one, known.get(one.name), begin.instances) for one in todo)
    return Begun(replace(begin.head, members=members, before=begin.before), tuple(todo))


def back(old: Rollout | None, begin: Beginning) -> Begun:
    """Everything that the last rollout changed, or began to change, to what it was before; the record stays."""
    if old is None:
        raise CorralError(
            "There is no rollout on record that could be taken back.",
            kind="rollout_none",
            remedy="Deploy the inventory that you want instead (playbook corral.ollama.deploy).",
        )
    going = [one for one in old.members if left_to_take_back(one)]
    going.sort(key=lambda one: not one.in_doubt)
    todo = []
    for one in going:
        kind = "remove" if begin.services and one.name not in begin.services else "recreate"
        reason = f"taken back, it is {one.state}" if one.in_doubt else "taken back"
        out = _is_out(one.name, begin.instances)
        todo.append(Todo(one.name, kind, reason, in_doubt=one.in_doubt, out=out))
    if not todo and not old.unfinished:
        return Begun(None, ())
    plans = {one.name: one for one in todo}
    members = tuple(
        replace(one, kind=plans[one.name].kind, reason=plans[one.name].reason) if one.name in plans else one
        for one in old.members
    )
    resumed = old.unfinished and old.direction == BACK
    return Begun(_reopened(replace(old, direction=BACK, members=members), begin.head), tuple(todo), resumed)


def _exists(name: str, wanted: Collection[str], instances: Instances) -> bool:
    """One that is neither there nor wanted any more needs nothing."""
    return name in wanted or not instances or name in instances


def _again(member: Member, change: Todo | None, left: Rollout) -> Todo:
    was = f"it was {member.state} when the rollout {left.id} was left"
    if change is None:
        return Todo(member.name, "admit", was, in_doubt=True)
    return replace(change, reason=f"{change.reason}; {was}" if change.reason else was, in_doubt=True)


def _did(member: Member | None, change: Todo) -> bool:
    """What still differs was not done, whatever the record says; of a restart, only the record knows."""
    return member is not None and member.state == DONE and change.kind in _UNSEEN


def _is_out(name: str, instances: Instances) -> bool:
    """It has no container, or one that does not run. Without a list of instances nobody is known to be out."""
    return bool(instances) and instances.get(name, {}).get("state") != "running"


def left_to_take_back(member: Member) -> bool:
    """Whether a way back has something to do with it."""
    if member.state in (PLANNED, ROLLED_BACK):
        return False
    return member.in_doubt or member.kind not in _UNSEEN


def _member(todo: Todo, known: Member | None, instances: Instances) -> Member:
    """One that is in doubt stays so, and what it was before is what it was before it was touched first."""
    if known is not None:
        return replace(known, kind=todo.kind, reason=todo.reason, source=DESIRED)
    found = instances.get(todo.name, {})
    image, image_id = printable(found.get("image") or ""), found.get("image_digest") or ""
    image_id = parse_digest(image_id) if image_id else ""
    return new_member(todo.name, todo.kind, reason=todo.reason, image=image, image_id=image_id)


def _resumed(left: Rollout, todo: Sequence[Todo], begin: Beginning) -> Rollout:
    """Those that were planned and need nothing any more are left out; those that went back are tried again."""
    plans = {one.name: one for one in todo}
    members = []
    for one in left.members:
        plan = plans.pop(one.name, None)
        if plan is not None:
            state = one.state if one.in_doubt else PLANNED
            members.append(replace(one, kind=plan.kind, reason=plan.reason, state=state, source=DESIRED))
        elif one.in_doubt:
            members.append(replace(one, state=DONE, why="", reason="it is not there any more, and not wanted"))
        elif one.state != PLANNED:
            members.append(one)
    members += [_member(one, None, begin.instances) for one in plans.values()]
    # a way back that was left, and of which nothing differs from what is wanted now, goes no further back
    return _reopened(replace(left, direction=FORWARD, members=tuple(members)), begin.head)


def _reopened(rollout: Rollout, head: Rollout) -> Rollout:
    """The same rollout, led by whoever goes on with it, within the bounds that count now."""
    return replace(
        rollout,
        owner=head.owner,
        job=head.job,
        max_unavailable=head.max_unavailable,
        max_failure_ratio=head.max_failure_ratio,
        failure_action=head.failure_action,
        ended_at="",
        verdict="",
        message="",
    )
