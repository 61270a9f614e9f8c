# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_lease``: what to do about a lease, and doing it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Optional

from ..core.declared import BadInput
from ..core.leases import MAX_TTL, Lease, LeaseHeld, clock, held_error
from ..core.plans import Plan, Step
from ..store.layout import StorePaths, store_at
from ..store.lease import LeaseFile
from .run import Work

_POLL = 1.0

Acquire = Callable[[str, str, float, str], tuple[Lease, Optional[Lease]]]


def prepare_lease(params: Mapping[str, Any]) -> Work:
    """The five steps of ``store_lease`` for its parameters."""
    refuse_bad_lease(params, "store_lease")
    paths = store_at(params["path"])
    file = LeaseFile(paths)
    now = time.time()
    actual = file.read()
    if params["state"] == "released":
        return _release(paths, file, actual, params["token"])
    if actual is not None and actual.live(now) and actual.token != params["token"] and params["wait"] <= 0:
        raise held_error(paths.root, actual)
    plan = plan_held(paths, actual, params, now)
    result = {"lease": _predicted(actual, params, now), "taken_over": _replaced(actual, params["token"], now)}
    return Work(plan, result, lambda: _acquire(file, params))


def plan_held(paths: StorePaths, actual: Lease | None, params: Mapping[str, Any], now: float) -> Plan:
    """Pure: take it, take it over, renew it, wait for it, or leave it."""
    before = {"holder": actual.owner if actual else "", "job": actual.job if actual else ""}
    after = {"holder": params["owner"], "job": params["job"]}
    if actual is None:
        return Plan((Step("acquire", paths.root, params["owner"]),), before, after)
    if not actual.live(now):
        warning = f"The lease of {paths.root} had expired and is taken over; it was {actual.told()}."
        again = actual.token == params["token"]
        step = Step("acquire" if again else "take_over", paths.root, actual.told())
        return Plan((step,), before, after, () if again else (warning,))
    if actual.token != params["token"]:
        warning = f"The lease of {paths.root} is {actual.told()}; it is waited for, at most {params['wait']:g} s."
        return Plan((Step("acquire", paths.root, "after a wait"),), before, after, (warning,))
    if actual.due(now, params["ttl"]):
        before = {**before, "expires": clock(actual.expires_at)}
        return Plan((Step("renew", paths.root, params["owner"]),), before, {**before, "expires": "later"})
    return Plan((), before, before)


def _acquire(file: LeaseFile, params: Mapping[str, Any]) -> Mapping[str, Any]:
    lease, old = waited_for(file.acquire, params)
    return {"lease": lease.as_dict(), "taken_over": old.as_dict() if old else {}}


def waited_for(acquire: Acquire, params: Mapping[str, Any]) -> tuple[Lease, Lease | None]:
    """Take a lease for the options of a module, or wait for it as long as ``wait`` says."""
    until = time.monotonic() + params["wait"]
    while True:
        try:
            return acquire(params["owner"], params["job"], params["ttl"], params["token"])
        except LeaseHeld:
            if time.monotonic() >= until:
                raise
        time.sleep(min(_POLL, max(0.0, until - time.monotonic())))


def _release(paths: StorePaths, file: LeaseFile, actual: Lease | None, token: str) -> Work:
    mine = actual is not None and bool(token) and actual.token == token
    if actual is None or not mine:
        shown = {"holder": actual.owner if actual else ""}
        return Work(Plan((), shown, shown), {"lease": actual.as_dict() if actual else {}, "taken_over": {}})
    plan = Plan((Step("release", paths.root, actual.owner),), {"holder": actual.owner}, {"holder": ""})

    def apply() -> Mapping[str, Any]:
        file.release(token)
        return {}

    return Work(plan, {"lease": {}, "taken_over": {}}, apply)


def _predicted(actual: Lease | None, params: Mapping[str, Any], now: float) -> dict[str, Any]:
    if actual is not None and actual.token == params["token"]:
        return actual.as_dict()
    lease = Lease(params["token"], params["owner"], params["job"], "", 0, now, now, now + params["ttl"])
    return lease.as_dict()


def _replaced(actual: Lease | None, token: str, now: float) -> dict[str, Any]:
    return actual.as_dict() if actual and not actual.live(now) and actual.token != token else {}


def refuse_bad_lease(params: Mapping[str, Any], module: str) -> None:
    """Raise for a time or a text that no lease can have."""
    problems = []
    if not 10 <= params["ttl"] <= MAX_TTL:
        problems.append(f"ttl is {params['ttl']:g} s, not 10 to {MAX_TTL}.")
    if not 0 <= params["wait"] <= MAX_TTL:
        problems.append(f"wait is {params['wait']:g} s, not 0 to {MAX_TTL}.")
    for key in ("owner", "job", "token"):
        if len(params[key]) > 200 or not params[key].isprintable():
            problems.append(f"{key} is longer than 200 characters or not printable.")
    if not params["owner"]:
        problems.append("owner is empty.")
    if problems:
        raise BadInput(" ".join(problems), remedy=f"Correct the options of {module}.", problems=problems)
