# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``instance_check``: what is not as it has to be besides the answers, decided in ``core.verify_…``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..core.declared import BadInput
from ..core.log_classes import LogClass, with_thresholds
from ..core.log_count import Counter
from ..core.log_patterns import consumer_classes
from ..core.log_since import at, since_from
from ..core.log_verdict import row
from ..core.plans import Plan, Step
from ..core.verify_finding import WARNING, VerifyFinding
from ..core.verify_gpus import Placed, gpu_findings
from ..core.verify_logs import last_changes, log_findings
from ..core.verify_lost_gpus import host_findings, host_gpus, lost_findings
from ..core.verify_memory import VerifyMemory, memory_of
from ..core.verify_restarts import changes_by_corral, restart_findings
from ..core.verify_skew import environment_findings, image_findings, version_findings
from ..core.verify_store import lease_findings, rollout_findings, scrub_findings
from ..engine.client import connect, inspect, speaking
from ..engine.gpu_listing import gpu_listing
from .at_once import each
from .instance_look import Container, Kept, Rolling, containers, image_of, kept, rolling
from .log_check import look_at
from .run import Work
from .verify_file import VerifyFile

CHANGE = "change"
MAX_SAMPLES = 20

Params = Mapping[str, Any]


@dataclass(frozen=True)
class _Seen:
    """What was read of the host, at one moment."""

    containers: Sequence[Container]
    before: VerifyMemory
    rolling: Rolling
    kept: Kept
    now: float


def prepare_instance_check(params: Params) -> Work:
    """The findings; to apply is only what the next verification wants to know of this one."""
    now = time.time()
    classes, consumers = _wanted(params)
    api = connect(params["engine_timeout"])
    file = VerifyFile(params["memory_path"] or "")
    gpus = {str(one.get("name")): _gpus(one) for one in params["instances"]}
    found = [one for one in containers(api, params["project"], gpus) if one.name in gpus]
    seen = _Seen(
        found, file.read(now), rolling(params["rollout_path"] or "", now), kept(params["store_path"] or ""), now
    )
    findings = [*_of_containers(api, seen, params), *_of_host(seen, params)]
    logs: list[dict[str, Any]] = []
    for rows, told in _of_logs(api, seen, params, classes, consumers) if params["logs"] else ():
        logs += rows
        findings += told
    result = {
        "findings": [one.as_dict() for one in findings],
        "gpus": [one.gpus.as_dict() for one in seen.containers if one.gpus.meant],
        "logs": logs,
        "changed": False,
        "warnings": file.warnings,
    }

    def remember() -> Mapping[str, Any]:
        file.remember(memory_of([one.row for one in seen.containers], now))
        return {"changed": False, "warnings": file.warnings}

    steps = (Step("remember", file.path),) if file.path else ()
    return Work(Plan(steps), result, remember)


def _of_containers(api: Any, seen: _Seen, params: Params) -> Iterator[VerifyFinding]:
    rows = [one.row for one in seen.containers]
    spans = changes_by_corral(seen.rolling.events)
    yield from restart_findings(rows, seen.before, spans, params["max_restarts"])
    declared_id, of_image = image_of(api, params["image"])
    skewed = image_findings(rows, params["image"], declared_id, seen.rolling.names)
    yield from skewed
    answers = {str(one.get("server")): one for one in params["answers"]}
    versions = {name: str(one.get("version") or "") for name, one in answers.items()}
    yield from version_findings(versions, {one.instance for one in skewed}, seen.rolling.names)
    for one in seen.containers:
        if params["environment"]:
            own = of_image if one.row["image_digest"] == declared_id else image_of(api, str(one.raw["Image"]))[1]
            declared = params["environment"]
            yield from environment_findings(one.name, one.environment, own, declared, seen.rolling.names)
        yield from gpu_findings(one.gpus, _placed(answers.get(one.name, {}), params["residents"].get(one.name)))
    yield from _lost(api, seen, params)


def _lost(api: Any, seen: _Seen, params: Params) -> Iterator[VerifyFinding]:
    """GPUs that were there at the start of a server, or at the last deployment, and are gone."""
    host = host_gpus(params["host_gpus"])
    yield from host_findings(host)
    meant = [one for one in seen.containers if one.gpus.expected and host.asked]
    running = [one for one in meant if one.row["state"] == "running" and host.gpus]
    listings = dict(zip((one.name for one in running), each(running, lambda one: gpu_listing(api, str(one.row["id"])))))
    for one in meant:
        yield from lost_findings(one.name, one.gpus.expected, host, listings.get(one.name))


def _of_host(seen: _Seen, params: Params) -> Iterator[VerifyFinding]:
    now, most, rollout, store = seen.now, params["max_lease_age"], seen.rolling, seen.kept
    yield from lease_findings("rollout", rollout.lease, rollout.error, now, most)
    yield from rollout_findings(rollout.unfinished, rollout.live, rollout.sentences)
    if params["store_path"]:
        yield from lease_findings("store", store.lease, store.error, now, most)
        yield from scrub_findings(store.scrub, store.damaged, store.made_at, now, params["max_scrub_age"])


def _of_logs(
    api: Any, seen: _Seen, params: Params, classes: tuple[LogClass, ...], consumers: Mapping[str, tuple[LogClass, ...]]
) -> Iterator[tuple[list[dict[str, Any]], list[VerifyFinding]]]:
    """Row and findings of one log after another, so that only one is in hand."""
    mark = at(seen.before.at) if seen.before.at else ""
    changes = last_changes(seen.rolling.events)
    for one in seen.containers:
        since = _since(params, seen.now, changes.get(one.name, ""), str(one.row["started_at"]))
        yield _log(api, dict(one.raw), classes, since, mark, seen.now)
    for name, patterns in consumers.items():
        with speaking():
            raw = inspect(api, name)
        if raw is None:
            text = f"There is no container {name!a} on this host, so its log cannot be checked (corral_log_consumers)."
            yield [], [VerifyFinding("logs", WARNING, text)]
        else:
            yield _log(api, raw, patterns, _since(params, seen.now, "", ""), mark, seen.now)


def _log(
    api: Any, raw: dict[str, Any], classes: tuple[LogClass, ...], since: Optional[str], mark: str, now: float
) -> tuple[list[dict[str, Any]], list[VerifyFinding]]:
    looked = look_at(api, raw, Counter(classes, mark=mark), since, now)
    return [row(looked, classes)], log_findings(looked, classes)


def _since(params: Params, now: float, changed: str, started: str) -> Optional[str]:
    """The newest of the container's start (None) and what a rollout last did to it, unless a user says otherwise."""
    if params["log_since"] != CHANGE:
        return since_from(params["log_since"], now)
    return changed if changed and changed > started else None


def _wanted(params: Params) -> tuple[tuple[LogClass, ...], dict[str, tuple[LogClass, ...]]]:
    """What is counted whose log. Raises BadInput before anything is read."""
    classes = with_thresholds(params["log_thresholds"])
    if params["log_since"] != CHANGE:
        since_from(params["log_since"], time.time())
    if min(params["max_restarts"], params["max_lease_age"], params["max_scrub_age"]) < 0:
        raise BadInput("A limit is less than 0.", remedy="Use 0 where nothing is allowed.")
    return classes, {
        one["container"]: consumer_classes(one["container"], one["patterns"]) for one in params["log_consumers"]
    }


def _gpus(one: Mapping[str, Any]) -> list[str]:
    gpus = one.get("gpus")
    return [str(gpu) for gpu in gpus] if isinstance(gpus, (list, tuple)) else []


def _placed(answer: Mapping[str, Any], residents: Any) -> list[Placed]:
    """What was in memory right after it answered, and what is there now; each model once."""
    told = answer.get("models")
    asked = [one for one in told if isinstance(one, Mapping)] if isinstance(told, list) else []
    there = [one for one in residents if isinstance(one, Mapping)] if isinstance(residents, list) else []
    rows = {str(one.get("name")): one for one in (*asked, *there) if one.get("size")}
    return [Placed(name, int(one["size"]), int(one.get("size_vram") or 0)) for name, one in rows.items()]
