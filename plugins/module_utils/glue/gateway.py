# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules ``gateway_info`` and ``gateway``: what the gateway does, and letting it load its configuration anew."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from ..core.declared import BadInput
from ..core.leases import ROLLOUT, held_error
from ..core.plans import Plan, Step
from ..gateway.errors import GONE, GatewayError
from ..gateway.runtime import Info, Runtime
from .rollout_file import RolloutFile
from .run import Work

_POLL = 0.2
_OWNER = "corral.ollama.gateway (a reload)"
_LEASE_TTL = 120.0
_LONGEST_ID = 512
_NOTHING: dict[str, Any] = {"version": "", "pid": 0, "uptime_seconds": 0, "config_id": "", "old_workers": []}


def gateway_report(params: Mapping[str, Any]) -> Work:
    """``gateway_info``: what there is to see; a gateway that is gone is a result, no failure."""
    runtime = Runtime(params["run_dir"], params["timeout"], params["wait"])
    try:
        servers, queued = runtime.look()
        info = _shown(runtime.info())
    except GatewayError as error:
        if error.kind != GONE:
            raise
        gateway = {**_NOTHING, "reachable": False, "retries": 0, "redispatches": 0}
        return Work(result={"gateway": gateway, "servers": [], "queued": 0, "error": str(error)})
    counted = {
        "retries": sum(server.retries for server in servers.values()),
        "redispatches": sum(server.redispatches for server in servers.values()),
    }
    gateway = {**info, "reachable": True, **counted}
    found = [server.as_dict() for server in servers.values()]
    return Work(result={"gateway": gateway, "servers": found, "queued": queued, "error": ""})


def prepare_gateway(params: Mapping[str, Any]) -> Work:
    """``gateway``: the five steps. A gateway that is not there yet is waited for when it is for real."""
    wanted = params["config_id"]
    if not wanted.isprintable() or " " in wanted or not 0 < len(wanted) <= _LONGEST_ID:
        raise BadInput(f"config_id is {wanted!r}.", remedy="Give the id that stands in the gateway's configuration.")
    runtime = Runtime(params["run_dir"], params["timeout"])
    found, moved = _now(runtime)
    before = found.config_id if found else ""
    result = {"gateway": _shown(found), "previous_config_id": before}
    if found is not None and before == wanted and not moved:
        return Work(Plan((), {"config_id": before}, {"config_id": before}), result)
    if found is not None:
        _refuse_while_rolling(params)
    detail = f"{before or 'no gateway'} -> {wanted}" if before != wanted else f"other ports: {', '.join(moved)}"
    plan = Plan((Step("reload", "gateway", detail),), {"config_id": before}, {"config_id": wanted})
    predicted = {**result, "gateway": {**_shown(found), "config_id": wanted}}
    return Work(plan, predicted, lambda: _load(runtime, params))


def _load(runtime: Runtime, params: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted, until = params["config_id"], time.monotonic() + params["wait"]
    found, moved = _now(runtime)
    while found is None:
        if time.monotonic() >= until:
            runtime.info()  # raises with what is wrong now
        time.sleep(_POLL)
        found, moved = _now(runtime)
    if found.config_id == wanted and not moved:
        # it was being started, with the new configuration: nothing had to be done
        return {"gateway": _shown(found), "changed": False}
    with _no_rollout(params):
        loaded = runtime.reload()
    if loaded.config_id != wanted:
        raise GatewayError(
            f"The gateway has loaded the configuration {loaded.config_id!r}, not {wanted!r}.",
            kind="gateway_other_config",
            remedy="Somebody else writes its configuration: see who, and run again.",
            run_dir=params["run_dir"],
            found=loaded.config_id,
            expected=wanted,
        )
    return {"gateway": _shown(loaded)}


def _now(runtime: Runtime) -> tuple[Info | None, list[str]]:
    """The running worker, None when there is none; and the servers whose ports it has not from the configuration."""
    try:
        return runtime.info(), runtime.moved()
    except GatewayError as error:
        if error.kind != GONE:
            raise
        return None, []


def _refuse_while_rolling(params: Mapping[str, Any]) -> None:
    if params["rollout_path"]:
        file = RolloutFile(params["rollout_path"])
        lease = file.lease.read()
        if lease is not None and lease.live(time.time()) and lease.token != params["token"]:
            raise held_error(file.root, lease, ROLLOUT)


@contextmanager
def _no_rollout(params: Mapping[str, Any]) -> Iterator[None]:
    """Hold the lease of rollouts meanwhile: none may count requests while a worker becomes an old one."""
    if not params["rollout_path"]:
        yield
        return
    file = RolloutFile(params["rollout_path"])
    if params["token"]:
        with file.heartbeat(params["token"]):
            yield
        return
    lease, _replaced = file.acquire(_OWNER, "", _LEASE_TTL)
    try:
        yield
    finally:
        file.lease.release(lease.token)


def _shown(info: Info | None) -> dict[str, Any]:
    return {**asdict(info), "old_workers": list(info.old_workers)} if info else dict(_NOTHING)
