# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``drain``: whether the batch may leave, leaving, and what the record has to know about it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.declared import BadInput
from ..core.drain_verdict import Standing, refusal
from ..core.errors import CorralError
from ..core.placement import noted, still_there
from ..core.plans import Plan, Step
from ..core.problems import Problem, raise_all
from ..core.residents import Resident
from ..core.rollout_plan import max_unavailable
from ..core.rollout_record import DRAINED, DRAINING, IN_DOUBT, PLANNED, Rollout
from .at_once import each
from .drain_wait import Drained, Patience, drain_all
from .gateway_door import Door, door_to
from .rollout_file import RolloutFile
from .run import Work
from .standing import Target, answers, in_memory, others_than, standings, targets

_WAIT_STEP = 0.5
#: In these states what was in memory is long noted, and what is there now may be that of a server that has just begun.
_CHANGED = IN_DOUBT - {DRAINING}


@dataclass
class Batch:
    """What the module works with."""

    params: Mapping[str, Any]
    file: RolloutFile
    door: Door
    members: tuple[Target, ...]
    others: tuple[Target, ...]
    states: Mapping[str, str]
    memory: dict[str, tuple[Resident, ...] | None] = field(default_factory=dict)
    read_at: float = 0.0

    @property
    def timeout(self) -> float:
        return float(self.params["timeout"])

    @property
    def limit(self) -> int:
        return max_unavailable(self.params["max_unavailable"], len(self.members) + len(self.others))

    def look(self) -> tuple[list[Standing], list[Standing]]:
        """How the batch stands, and the others."""
        found = standings(self.door, (*self.members, *self.others), self.timeout)
        return found[: len(self.members)], found[len(self.members) :]

    def fresh(self, name: str) -> bool:
        """Whether nothing was done to the instance yet, as far as the record knows."""
        return self.states.get(name) not in _CHANGED


def prepare_drain(params: Mapping[str, Any]) -> Work:
    batch = _batch(params)
    ours, others = batch.look()
    out = [one.name for one in others if not one.serves]
    todo = [target.name for target in batch.members if not _drained_already(batch, target.name)]
    _read_memory(batch)
    predicted = [_shown(batch, Drained(target.name)) for target in batch.members]
    how = {one.name: one.how for one in ours}
    plan = Plan(
        tuple(Step("drain", name, how[name]) for name in todo),
        {name: how[name] for name in todo},
        {name: "drained" for name in todo},
        _warnings(refusal(ours, others, batch.limit)) if todo else (),
    )
    return Work(plan, {"instances": predicted, "out": out}, lambda: _apply(batch))


def _batch(params: Mapping[str, Any]) -> Batch:
    members = targets(params["instances"], "instances")
    _refuse_bad(params)
    file = RolloutFile(params["rollout_path"], params["audit_path"])
    rollout = file.read()
    gone = rollout.gone if rollout else ()
    others = tuple(one for one in others_than(members, params["others"]) if one.name not in gone)
    door = door_to(params["run_dir"] or "", params["timeout"], params["healthy_deadline"])
    batch = Batch(params, file, door, members, others, _states(rollout))
    if len(members) > batch.limit:
        raise BadInput(
            f"The batch has {len(members)} instances, and max_unavailable is {batch.limit}.",
            remedy="Make the batch smaller, or raise max_unavailable.",
        )
    return batch


def _refuse_bad(params: Mapping[str, Any]) -> None:
    names = ("drain_timeout", "healthy_deadline", "timeout")
    bad = [f"{name} is {params[name]:g}." for name in names if not 0 < params[name] <= 86400]
    if bad:
        raise BadInput(" ".join(bad), remedy="Give seconds above 0 and up to 86400.")


def _states(rollout: Rollout | None) -> dict[str, str]:
    return {one.name: one.state for one in rollout.members} if rollout else {}


def _drained_already(batch: Batch, name: str) -> bool:
    if batch.states.get(name) != DRAINED:
        return False
    state = batch.door.state(name)
    return state is None or (state.drained and state.idle)


def _warnings(problem: Problem | None) -> tuple[str, ...]:
    return (f"Not yet: {problem.message} This is waited for.",) if problem else ()


def _read_memory(batch: Batch) -> None:
    """What is loaded, of those that nothing was done to yet."""
    asked = [target for target in batch.members if batch.fresh(target.name)]
    batch.read_at = time.monotonic()
    for target, found in zip(asked, each(asked, lambda one: in_memory(one, batch.timeout))):
        batch.memory[target.name] = found


def _apply(batch: Batch) -> dict[str, Any]:
    params = batch.params
    with batch.file.heartbeat(params["token"]) as beat:
        batch.door.check = beat.check
        ours, others = _admitted(batch)
        _read_memory(batch)
        for target in batch.members:
            if batch.fresh(target.name):
                batch.file.mark(params["token"], [target.name], DRAINING, **_memory_facts(batch, target.name))
        by_name = {target.name: target for target in batch.members}
        patience = Patience(
            batch.door.clock() + params["drain_timeout"], lambda name: answers(by_name[name], batch.timeout)
        )
        found = drain_all(batch.door, list(by_name), patience)
        late = [one for one in found if one.late]
        if late and params["on_timeout"] == "fail":
            serving = {one.name for one in ours if one.serves}
            _put_back(batch, late, [name for name in by_name if batch.fresh(name) and name in serving])
        _read_again(batch)
        for one in found:
            told = {"in_flight": one.at_start, "waited_seconds": round(one.seconds, 3), "cut": one.busy}
            batch.file.mark(params["token"], [one.name], DRAINED, **told, **_memory_facts(batch, one.name))
        out = [one.name for one in others if not one.serves]
        return {"instances": [_shown(batch, one) for one in found], "out": out}


def _admitted(batch: Batch) -> tuple[list[Standing], list[Standing]]:
    """Waits until the batch may leave."""
    until = batch.door.clock() + batch.params["healthy_deadline"]
    while True:
        batch.door.check()
        ours, others = batch.look()
        problem = refusal(ours, others, batch.limit)
        if problem is None:
            return ours, others
        if batch.door.clock() >= until:
            raise_all([problem], waited_seconds=batch.params["healthy_deadline"])
        batch.door.sleep(_WAIT_STEP)


def _read_again(batch: Batch) -> None:
    """The requests that ended meanwhile may have loaded something; a server that died meanwhile has forgotten all."""
    before, began = dict(batch.memory), batch.read_at
    _read_memory(batch)
    passed = batch.read_at - began
    for name, earlier in before.items():
        now = batch.memory.get(name)
        batch.memory[name] = earlier if now is None else still_there(earlier or (), now, passed)


def _memory_facts(batch: Batch, name: str) -> dict[str, Any]:
    """Nothing for an instance that told nothing: what was noted before stays."""
    found = batch.memory.get(name)
    return {} if found is None else {"residents": [noted(one) for one in found]}


def _put_back(batch: Batch, late: Sequence[Drained], names: Sequence[str]) -> None:
    """Nothing was done to them, so they serve again; then says whose requests did not end."""
    seconds = f"{batch.params['drain_timeout']:g} s"
    told = [
        f"{one.name} has {one.busy} requests running or waiting ({one.old} of them in old workers of the gateway)"
        for one in late
    ]
    why = f"Not drained within {seconds}: {'; '.join(told)}."
    for name in names:
        batch.door.ready(name)
        batch.file.mark(batch.params["token"], [name], PLANNED, why=why)
    raise CorralError(
        f"{why} {', '.join(names) or 'Nothing'} is back in service.",
        kind="drain_timeout",
        remedy="Look at what runs (corral.ollama.gateway_info), and run again; or raise drain_timeout, or let them be"
        " cut with on_timeout: cut.",
        instances=[{"name": one.name, "busy": one.busy, "in_old_workers": one.old} for one in late],
        back_in_service=list(names),
    )


def _shown(batch: Batch, one: Drained) -> dict[str, Any]:
    found = batch.memory.get(one.name)
    kept = [dict(row) for row in batch.file.residents(one.name)] if found is None else [noted(row) for row in found]
    return {
        "name": one.name,
        "waited_seconds": round(one.seconds, 3),
        "in_flight_at_start": one.at_start,
        "cut": one.busy,
        "down": one.down,
        "redrained": one.again,
        "residents": kept,
    }
