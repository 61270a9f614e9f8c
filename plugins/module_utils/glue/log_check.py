# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``log_check``: whose logs, since when, counted how, and what of it is too much."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..core.declared import BadInput
from ..core.engine_time import engine_time
from ..core.errors import CorralError
from ..core.log_classes import LogClass, with_thresholds
from ..core.log_count import Counter
from ..core.log_patterns import consumer_classes
from ..core.log_since import at, fixed, since_from
from ..core.log_verdict import Looked, problems, row
from ..core.problems import raise_all
from ..engine.client import EngineError, connect, inspect, speaking
from ..engine.containers import SERVICE, project_containers, project_instances
from ..engine.log_stream import LogStream
from .run import Work

MAX_SAMPLES = 20


@dataclass(frozen=True)
class _Wanted:
    """A container by name or id, and what is counted in its log."""

    container: str
    classes: tuple[LogClass, ...]


def prepare_log_check(params: Mapping[str, Any]) -> Work:
    """The report; there is nothing to apply. Raises ``log_threshold`` unless ``on_failure`` says report."""
    now = time.time()
    since = since_from(params["since"], now)
    if not 0 <= params["samples"] <= MAX_SAMPLES:
        raise BadInput(f"samples is {params['samples']}, not 0 to {MAX_SAMPLES}.", remedy="Use 0 for none.")
    classes = with_thresholds(params["thresholds"])
    consumers = [
        _Wanted(one["container"], consumer_classes(one["container"], one["patterns"])) for one in params["consumers"]
    ]
    named = [_Wanted(name, classes) for name in params["containers"]]
    api = connect(params["engine_timeout"])
    instances = _instances(api, params["project"], classes) if params["instances"] else []
    wanted = [*instances, *named, *consumers]
    if not wanted:
        raise BadInput("There is no log to look at.", remedy="Set instances: true, or name containers or consumers.")
    found = [(_inspected(api, one.container), one.classes) for one in wanted]
    looks = [(look_at(api, one, Counter(chosen, params["samples"]), since, now), chosen) for one, chosen in found]
    return _work(looks, params["on_failure"] == "fail")


def _work(looks: Sequence[tuple[Looked, tuple[LogClass, ...]]], fail: bool) -> Work:
    rows = [row(looked, classes) for looked, classes in looks]
    wrong = [problem for looked, classes in looks for problem in problems(looked, classes)]
    if fail:
        raise_all(wrong, containers=rows)
    return Work(result={"ok": not wrong, "problems": [str(problem) for problem in wrong], "containers": rows})


def _instances(api: Any, project: str, classes: tuple[LogClass, ...]) -> list[_Wanted]:
    with speaking():
        found = project_instances(api, project_containers(api, project))
    if not found:
        raise CorralError(
            f"The project {project} has no instance on this host, so there is no log that could be looked at.",
            kind="no_instances",
            remedy="Correct project, or set instances: false to look at named containers only.",
            project=project,
        )
    return [_Wanted(one["id"], classes) for one in found]


def _inspected(api: Any, name: str) -> dict[str, Any]:
    with speaking():
        found = inspect(api, name) if name.strip() else None
    if found is None:
        raise CorralError(
            f"There is no container {name!a} on this host.",
            kind="container_missing",
            remedy="Correct its name (docker ps -a lists all), or leave it out.",
            container=name,
        )
    return found


def look_at(api: Any, container: dict[str, Any], counter: Counter, since: Optional[str], now: float) -> Looked:
    """One log (``container`` is an inspection), counted from ``since`` on, None for the container's last start."""
    state = container["State"]
    created = fixed(container.get("Created") or "") or at(0)
    begin = since or fixed(state.get("StartedAt") or "") or created
    # what has stopped writes no more: its rates are those of the time that it ran
    ended = fixed(state.get("FinishedAt") or "") if not state.get("Running", state["Status"] == "running") else ""
    stream = LogStream(api, container, begin, int(engine_time(begin)))
    remedy = problem = ""
    try:
        for line in stream:
            counter.take(line)
    except EngineError as error:
        if error.kind != "log_unreadable":
            raise
        # the logs of the others are of use all the same
        problem, remedy = error.message, error.remedy
    begin = max(begin, created)
    return Looked(
        container=stream.name,
        service=(container["Config"].get("Labels") or {}).get(SERVICE, ""),
        driver=stream.driver,
        since=begin,
        until=max(begin, ended or at(now)),
        size=stream.size,
        cut=stream.cut,
        problem=problem or stream.problem,
        counter=counter,
        remedy=remedy,
    )
