# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``rollout``: take the lease, write down what is going to be changed and how it was, and close it again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.leases import ROLLOUT, Lease, held_error
from ..core.plans import Plan, Step
from ..core.project_file import merged
from ..core.project_yaml import parse_project
from ..core.rollout_begin import Beginning, Begun, back, forward, goal_digest, parse_changes
from ..core.rollout_end import ended, plan_sentences, report
from ..core.rollout_events import stamp, told
from ..core.rollout_plan import Batch, Knobs, batches, max_unavailable
from ..core.rollout_record import BACK, DONE, Rollout
from .lease import refuse_bad_lease, waited_for
from .project_file import read_project
from .rollout_file import RolloutFile
from .run import Work

Params = Mapping[str, Any]


def prepare_rollout(params: Params) -> Work:
    """The five steps of the module ``rollout``."""
    refuse_bad_lease(params, "rollout")
    _refuse_bad(params)
    file = RolloutFile(params["path"], params["audit_path"] or "")
    return _begin(file, params) if params["state"] == "begun" else _end(file, params)


def _refuse_bad(params: Params) -> None:
    ratio = params["max_failure_ratio"]
    problems = [] if 0 <= ratio <= 1 else [f"max_failure_ratio is {ratio:g}, not 0 to 1."]
    problems += [f"{name} is {params[name]}, less than 0." for name in ("batch", "canary") if params[name] < 0]
    if problems:
        raise BadInput(" ".join(problems), remedy="Correct the options of rollout.", problems=problems)


def _begin(file: RolloutFile, params: Params) -> Work:
    now, old, lease = time.time(), file.read(), file.lease.read()
    if lease is not None and lease.live(now) and lease.token != params["token"] and params["wait"] <= 0:
        raise held_error(file.root, lease, ROLLOUT)
    begun, order = decide(old, params, now)
    if begun.rollout is None:
        return Work(result=_result(old, "", begun, order, old))
    same = old is not None and _silent(begun.rollout) == _silent(old)
    if same and lease is not None and lease.token == params["token"] and not lease.due(now, params["ttl"]):
        return Work(result=_result(old, params["token"], begun, order, begun.rollout))
    steps = (Step("resume" if begun.resumed else "begin", file.root, ", ".join(one.name for one in begun.todo)),)
    before, after = ({one.name: one.state for one in which.members} if which else {} for which in (old, begun.rollout))

    def apply() -> Mapping[str, Any]:
        return _begun(file, old, params)

    return Work(Plan(steps, before, after), _result(old, params["token"], begun, order, begun.rollout), apply)


def _begun(file: RolloutFile, seen: Rollout | None, params: Params) -> Mapping[str, Any]:
    """Decided again under the lease, as the project file may be another one by now."""
    lease, taken_over = waited_for(file.acquire, params)
    token, more = lease.token, {"warnings": [_expired(file, taken_over)] if taken_over else []}
    try:
        now, old = time.time(), file.read()
        if old != seen:
            raise _stale(old)
        begun, order = decide(old, params, now)
        if begun.rollout is None:
            file.lease.release(token)
            return {**_result(old, "", begun, order, old), **more}
        facts = {
            "instances": [one.name for one in begun.todo],
            "kinds": {one.name: one.kind for one in begun.todo},
            "direction": begun.rollout.direction,
            "max_unavailable": begun.rollout.max_unavailable,
            "left": old.id if old is not None and old.unfinished else "",
        }
        record = told(begun.rollout, "resumed" if begun.resumed else "begun", now, facts)
        file.begin(token, record)
    except BaseException:
        file.lease.release(token)
        raise
    return {**_result(old, token, begun, order, record), **more}


def _expired(file: RolloutFile, lease: Lease) -> str:
    return f"The lease of the rollout {file.root} had expired and is taken over; it was {lease.told()}."


def _stale(found: Rollout | None) -> CorralError:
    """The changes that are asked for were worked out before, and somebody else has changed instances since."""
    return CorralError(
        f"Another rollout{f' ({found.id} of {found.owner})' if found else ''} changed instances meanwhile.",
        kind="rollout_stale",
        remedy="Run the playbook again: it compares anew.",
    )


def decide(old: Rollout | None, params: Params, now: float) -> tuple[Begun, tuple[Batch, ...]]:
    """What begins, and in which batches. Reads the project file, which goes into a new record as it was."""
    changes = parse_changes(params["changes"])
    instances = {str(one.get("name")): one for one in params["instances"]}
    names = {*instances, *(one.name for one in changes)}
    head = Rollout(
        id=f"{stamp(now)[:19].replace('-', '').replace(':', '')}Z-{secrets.token_hex(3)}",
        owner=params["owner"],
        job=params["job"],
        goal=goal_digest(params["goal"]),
        started_at=stamp(now),
        members=(),
        max_unavailable=max_unavailable(params["max_unavailable"], len(names)),
        max_failure_ratio=params["max_failure_ratio"],
        failure_action=params["failure_action"],
    )
    if params["direction"] == BACK:
        known = parse_project(old.before, "The project file in the record") if old and old.before else None
        begun = back(old, Beginning(head, instances, services=tuple(known.services) if known else ()))
    else:
        begun = forward(old, changes, Beginning(head, instances, _before(old, params["project_path"])))
    todo = {one.name for one in begun.todo}
    out = [name for name, one in instances.items() if one.get("state") != "running" and name not in todo]
    return begun, batches(begun.todo, out, _knobs(begun, head.max_unavailable, params))


def _knobs(begun: Begun, limit: int, params: Params) -> Knobs:
    """Nobody tries out what was proven already, or what worked before."""
    members = begun.rollout.members if begun.rollout else ()
    proven = begun.resumed and any(one.state == DONE and one.kind in ("recreate", "restart") for one in members)
    return Knobs(limit, params["batch"], 0 if proven or params["direction"] == BACK else params["canary"])


def _before(old: Rollout | None, path: str | None) -> str:
    """The project file as it is; of instances that an earlier rollout left in doubt, as it was before that one."""
    there = read_project(path) if path else None
    if there is None:
        return ""
    doubtful = [one.name for one in old.in_doubt] if old is not None and old.unfinished else []
    if old is None or not doubtful or not old.before:
        return there.text
    return merged(there, parse_project(old.before, "The project file in the record"), doubtful, {}).text


def _end(file: RolloutFile, params: Params) -> Work:
    now, old, lease = time.time(), file.read(), file.lease.read()
    ours = bool(params["token"]) and lease is not None and lease.token == params["token"]
    if old is None or not ours:
        theirs = bool(params["token"]) and old is not None and not old.ended_at
        warning = f"The lease of the rollout {file.root} is not held under the given token, so its record is left open."
        return Work(Plan(warnings=(warning,) if theirs else ()), _result(old, "", Begun(old, ()), (), old))
    closed = ended(old, params["verdict"], params["why"], now)
    shown = ({"verdict": old.verdict}, {"verdict": closed.verdict})

    def apply() -> Mapping[str, Any]:
        record = file.change(params["token"], lambda found: ended(found, params["verdict"], params["why"], time.time()))
        file.lease.release(params["token"])
        return _result(record, "", Begun(record, ()), (), record)

    step = Step("end", file.root, closed.verdict)
    return Work(Plan((step,), *shown), _result(closed, "", Begun(closed, ()), (), closed), apply)


def _result(
    old: Rollout | None, token: str, begun: Begun, order: tuple[Batch, ...], record: Rollout | None
) -> dict[str, Any]:
    return {
        "token": token,
        "resumed": begun.resumed,
        "batches": [batch.rows() for batch in order],
        "rollout": record.shown() if record else {},
        "sentences": plan_sentences(old, begun.resumed, order, record) if record and begun.todo else [],
        "report": report(record),
    }


def _silent(rollout: Rollout) -> Rollout:
    """What counts when two records are compared."""
    return replace(rollout, seq=0, event={})
