# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``admission``: each instance of a batch on its way back into service, and what becomes of the record."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.admission_verdict import NotAdmitted, crash, life_of
from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.placement import from_notes, needed_on_gpu, with_declared
from ..core.plans import Plan, Step
from ..core.probe_plan import models_from
from ..core.problems import Problem, raise_all
from ..core.proofs import Failure, Proof
from ..core.resident_memory import as_loaded
from ..core.rollout_plan import decision
from ..core.rollout_record import ADMITTING, BACK, BEFORE, DONE, FAILED, ROLLED_BACK, Rollout
from ..core.wishes import Wish, wishes
from ..server.errors import ServerError
from .at_once import each
from .box import Box
from .candidate import Candidate, Course, blank
from .drain_wait import Patience, drain_all
from .gateway_door import door_to
from .proof_file import ProofFile
from .resident_file import ResidentFile
from .restoring import ask_once_more, place, prove
from .rollout_file import RolloutFile
from .run import Work
from .standing import Target, answers, in_memory, others_than, targets
from .watching import agreed, come_up, let_in, watch

_SECONDS = ("healthy_deadline", "deadline", "drain_timeout", "timeout")
_REMOVE = "remove"


@dataclass
class SharedProofs(ProofFile):
    """Instances finish at the same time, and each adds what it has proven."""

    lock: threading.Lock = field(default_factory=threading.Lock)

    def remember(self, proven: Iterable[Proof], failed: Iterable[Failure], now: float) -> None:
        with self.lock:
            super().remember(proven, failed, now)


@dataclass(frozen=True)
class Admission:
    """What the module works with."""

    params: Mapping[str, Any]
    file: RolloutFile
    members: tuple[Target, ...]
    others: tuple[Target, ...]
    course: Course
    rollout: Rollout | None
    wanted: tuple[Wish, ...] = ()

    @property
    def entered(self) -> str:
        return ROLLED_BACK if self.params["returning"] else DONE

    def state(self, name: str) -> str:
        member = self.rollout.member(name) if self.rollout else None
        return member.state if member else ""

    def over(self, name: str) -> bool:
        """Whether the record has it where this would bring it: on the way back, done is called rolled back."""
        member = self.rollout.member(name) if self.rollout else None
        if member is None or self.rollout is None:
            return False
        back = self.params["returning"] or self.rollout.direction == BACK or member.source == BEFORE
        return member.state == (ROLLED_BACK if back else DONE)

    def mark(self, name: str, state: str, **facts: Any) -> None:
        self.file.mark(self.params["token"], [name], state, **facts)


def prepare_admission(params: Mapping[str, Any]) -> Work:
    work = _admission(params)
    todo = [one for one in work.members if not work.over(one.name)]
    names = {one.name for one in todo}
    known = {one.name: blank(one.name, ok=True, skipped=True) for one in work.members if one.name not in names}
    predicted = [known.get(one.name) or blank(one.name) for one in work.members]
    plan = Plan(
        tuple(Step("admit", one.name, work.state(one.name)) for one in todo),
        {one.name: work.state(one.name) for one in todo},
        {one.name: work.entered for one in todo},
    )
    result = {"ok": not todo, "go_on": True, "problems": [], "results": predicted}
    return Work(plan, result, lambda: _apply(work, todo, known))


def _admission(params: Mapping[str, Any]) -> Admission:
    bad = [f"{name} is {params[name]:g}." for name in _SECONDS if not 0 < params[name] <= 86400]
    bad += [] if 0 <= params["min_healthy_time"] <= 86400 else [f"min_healthy_time is {params['min_healthy_time']:g}."]
    if bad:
        raise BadInput(" ".join(bad), remedy="Give seconds, at most 86400.")
    members = targets(params["instances"], "instances")
    lacking = [one.name for one in members if not one.url and one.kind != _REMOVE]
    if lacking:
        raise BadInput(f"{', '.join(lacking)} has no url.", remedy="Give the address of each instance.")
    others = others_than(members, params["others"])
    file = RolloutFile(params["rollout_path"], params["audit_path"])
    course = Course(
        door_to(params["run_dir"] or "", params["timeout"], params["healthy_deadline"]),
        models_from(params["models"]),
        SharedProofs(params["proof_path"] or ""),
        min_healthy_time=params["min_healthy_time"],
        log_lines=params["log_lines"],
        **{name: params[name] for name in _SECONDS},
    )
    return Admission(params, file, members, others, course, file.read(), wishes(params["residents"]))


def _apply(work: Admission, todo: list[Target], known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    with work.file.heartbeat(work.params["token"]) as beat:
        door = work.course.door
        door.check = beat.check
        gone = [one for one in todo if one.kind == _REMOVE and not work.params["returning"]]
        for one in gone:
            # its container is gone on purpose: nothing is left that could prove itself
            work.mark(one.name, DONE)
            known[one.name] = blank(one.name, ok=True)
        coming = [one for one in todo if one not in gone]
        for one in coming:
            work.mark(one.name, ADMITTING)
        needed = _needed(work)
        for shown in _admit_all(work, coming, needed):
            known[shown["name"]] = shown
    _remember(work, [known[one.name] for one in coming])
    return _verdict(work, [known[one.name] for one in work.members])


def _remember(work: Admission, results: Iterable[Mapping[str, Any]]) -> None:
    """What is declared and was loaded: should it go one day, that is told from one that was never there."""
    now = work.course.now()
    rows = [
        row
        for shown in results
        if shown["ok"]
        for row in as_loaded(shown["name"], work.wanted, from_notes(shown["residents"]), now)
    ]
    if rows:
        file = ResidentFile(work.params["memory_path"] or "")
        file.remember(rows, {})
        work.course.memory.warnings.extend(file.warnings)


def _needed(work: Admission) -> frozenset[Any]:
    """What has to be on a GPU: whatever any instance of the host had there, by the record or now."""
    noted = [from_notes(one.residents) for one in work.rollout.members] if work.rollout else []
    now = each(work.others, lambda one: in_memory(one, work.course.timeout))
    return needed_on_gpu(*noted, *(found for found in now if found))


def _admit_all(work: Admission, coming: list[Target], needed: frozenset[Any]) -> list[dict[str, Any]]:
    """Each by itself, and what ends the module ends it only when all have come to an end."""
    course = replace(work.course, needed=needed)
    if not coming:
        return []
    with ThreadPoolExecutor(len(coming)) as pool:
        futures = [pool.submit(_admit, work, course, one) for one in coming]
    return [future.result() for future in futures]


def _admit(work: Admission, course: Course, target: Target) -> dict[str, Any]:
    before = from_notes(work.file.residents(target.name)) if work.params["restore_residents"] else ()
    wanted = [wish for wish in work.wanted if wish.of(target.name)]
    declared = frozenset(wish.name.key for wish in wanted)
    box = Box(work.params["project"], target.name, max(course.timeout, 30.0))
    one = Candidate(target, box, with_declared(before, wanted), declared)
    clock = course.door.clock
    try:
        with one.timed("up", clock):
            come_up(one, course)
        with one.timed("probe", clock):
            found = prove(one, course)
        with one.timed("load", clock):
            place(one, course, found)
        with one.timed("undrain", clock):
            let_in(one, course)
        with one.timed("watch", clock):
            watch(one, course)
            ask_once_more(one, course, found)
            agreed(one, course)
    except (NotAdmitted, ServerError) as error:
        return _failed(work, course, one, error)
    work.mark(target.name, work.entered, seconds=one.seconds, notes=one.notes)
    return one.shown()


def _failed(work: Admission, course: Course, one: Candidate, error: CorralError) -> dict[str, Any]:
    """Out of service again, then recorded; what still runs on it may end, as it will be changed or stopped next."""
    error = _crashed(one) or error
    why = error.message if one.name in error.message else f"{one.name}: {error.message}"
    state = course.door.state(one.name)
    if state is not None and state.known:
        course.door.drain(one.name)
    log = one.box.last_lines(one.life.container, course.log_lines) if one.life else []
    work.mark(one.name, FAILED, why=why, failure=error.kind)
    patience = Patience(course.door.clock() + course.drain_timeout, lambda _name: answers(one.target, course.timeout))
    left = drain_all(course.door, [one.name], patience)[0]
    if left.busy:
        one.notes.append(f"{left.busy} requests still ran on it {course.drain_timeout:g} s after it had failed.")
    return one.shown(error.kind, f"{why} {error.remedy}".strip(), log)


def _crashed(one: Candidate) -> NotAdmitted | None:
    """A container that ended is the reason for whatever was seen of it."""
    found = one.box.look(one.life.container) if one.life else None
    if one.life is None or found is None:
        return None
    return crash(one.life, life_of(found), one.name)


def _verdict(work: Admission, results: list[dict[str, Any]]) -> dict[str, Any]:
    failed = [one for one in results if not one["ok"]]
    rollout = work.file.read()
    if failed and work.params["on_failure"] == "fail":
        raise_all(
            [Problem(one["kind"], one["why"], facts={"instance": one["name"]}) for one in failed], results=results
        )
    notes = [f"{one['name']}: {note}" for one in results for note in one["notes"]]
    return {
        "ok": not failed,
        "go_on": not failed or rollout is None or decision(rollout).go_on,
        "problems": [one["why"] for one in failed],
        "results": results,
        "warnings": [*work.course.memory.warnings, *notes],
    }
