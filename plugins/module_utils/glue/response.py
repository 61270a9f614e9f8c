# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``response``: what alerts call for on this host, written down before it is begun and when it has ended."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from typing import Any

from ..core.declared import BadInput
from ..core.errors import CorralError
from ..core.leases import MAX_TTL
from ..core.plans import Plan, Step
from ..core.response_plan import HOUR, Decision, decide, parse_alerts, parse_policy
from ..core.response_record import DONE, FAILED, Record, Response, begun, ended, parse_record, recent, record_bytes
from ..core.rollout_events import printable
from ..store.files import lstat, os_errors, private_folder, read_plain, write_beside
from ..store.locking import locked
from .run import Work

_LIMIT = 4 * 1024 * 1024

Params = Mapping[str, Any]


def prepare_response(params: Params) -> Work:
    """The five steps of the module ``response``."""
    _refuse_bad(params)
    return _begin(params) if params["state"] == "begun" else _end(params)


def read_record(path: str) -> Record:
    """Empty without a file; raises for one that cannot be read, as nobody would know any more what was done."""
    with os_errors("read the record of responses", path):
        if lstat(path) is None:
            return ()
        raw = read_plain(path, _LIMIT)
    record = parse_record(raw) if len(raw) <= _LIMIT else None
    if record is None:
        raise CorralError(
            f"{path} is not readable as a record of responses, so nobody knows what was done within the last hour.",
            kind="bad_response",
            remedy="Look at it, and move it away.",
            path=path,
        )
    return record


def _begin(params: Params) -> Work:
    record, now = read_record(params["path"]), time.time()
    decision = _decided(params, record, now)
    if not decision.action or params["dry_run"]:
        return Work(result=_result(params, decision, record, now))
    step = Step(decision.action, decision.subject, ", ".join(decision.alerts))
    plan = Plan(
        (step,), {"responses": len(recent(record, now, HOUR))}, {"responses": len(recent(record, now, HOUR)) + 1}
    )
    return Work(plan, _result(params, decision, record, now), lambda: _begun(params))


def _begun(params: Params) -> Mapping[str, Any]:
    """Decided again under the guard: of many that ask at once, one gets it, and the others are told why not."""
    with _guarded(params["path"]):
        record, now = read_record(params["path"]), time.time()
        decision = _decided(params, record, now)
        if not decision.action:
            return {**_result(params, decision, record, now), "changed": False}
        new = Response(
            id=secrets.token_hex(16),
            action=decision.action,
            subject=decision.subject,
            alert=printable(", ".join(decision.alerts), 500),
            at=now,
            until=now + params["ttl"],
            owner=params["owner"],
            job=params["job"],
        )
        _write(params["path"], begun(record, new))
    return {**_result(params, decision, record, now), "token": new.id}


def _end(params: Params) -> Work:
    path, token = params["path"], params["token"]
    record, now = read_record(path), time.time()
    after = ended(record, token, params["outcome"], printable(params["why"], 500), now)
    if not any(one.id == token for one in record):
        raise CorralError(
            f"{path} has no response that was begun under this token.",
            kind="response_unknown",
            remedy="End one with the token that its beginning returned.",
            path=path,
        )
    result = {**_result(params, Decision(), after, now), "token": token}
    if after == record:
        return Work(result=result)
    shown = [{one.subject: one.outcome or "at work" for one in which if one.id == token} for which in (record, after)]

    def apply() -> Mapping[str, Any]:
        with _guarded(path):
            current = read_record(path)
            _write(path, ended(current, token, params["outcome"], printable(params["why"], 500), now))
        return {}

    return Work(Plan((Step("end", token[:8], params["outcome"]),), shown[0], shown[1]), result, apply)


def _decided(params: Params, record: Record, now: float) -> Decision:
    policy = parse_policy(params["actions"], params["cooldown"], params["max_per_hour"], params["max_instances"])
    return decide(parse_alerts(params["alerts"]), policy, record, set(params["instances"]), now)


def _result(params: Params, decision: Decision, record: Record, now: float) -> dict[str, Any]:
    return {
        "action": decision.action,
        "subject": decision.subject,
        "alerts": list(decision.alerts),
        "refused": [one.as_dict() for one in decision.refused],
        "sentences": decision.sentences(params["dry_run"]),
        "dry_run": params["dry_run"],
        "token": "",
        "last_hour": [one.as_dict() for one in recent(record, now, HOUR)],
    }


def _guarded(path: str) -> Any:
    folder = os.path.dirname(path)
    with os_errors("make", folder):
        private_folder(folder)
    return locked(f"{path}.guard")


def _write(path: str, record: Record) -> None:
    with os_errors("write the record of responses", path):
        write_beside(path, record_bytes(record), mode=0o600)


def _refuse_bad(params: Params) -> None:
    problems = [] if os.path.isabs(params["path"]) else [f"path is {params['path']!a}, not an absolute path."]
    if not 10 <= params["ttl"] <= MAX_TTL:
        problems.append(f"ttl is {params['ttl']:g} s, not 10 to {MAX_TTL}.")
    for key in ("owner", "job"):
        if len(params[key]) > 200 or not params[key].isprintable():
            problems.append(f"{key} is longer than 200 characters or not printable.")
    if params["state"] == "ended" and not params["token"]:
        problems.append(f"token is empty, and {DONE} or {FAILED} is told of the one that was begun.")
    if problems:
        raise BadInput(" ".join(problems), remedy="Correct the options of response.", problems=problems)
