# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until an instance is up, let requests in, and see whether it stays healthy."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from ..core.admission_verdict import CRASHES, Life, NotAdmitted, crash, life_of
from ..core.drain_verdict import is_down, serving
from ..core.gateway_stats import ServerState
from ..core.residents import residents
from ..server.client import OllamaClient
from ..server.errors import ServerError
from .candidate import Candidate, Course

_STEP = 0.2
_WATCH_STEP = 0.5
#: Compose has ended by then; a container that is not there now is not about to come.
_ABSENT = 10.0
_MISSES = 2


def come_up(one: Candidate, course: Course) -> None:
    """Until the container runs and the server answers; its port is open long before that."""
    door = course.door
    began = door.clock()
    client = OllamaClient(one.url, course.timeout)
    while True:
        door.check()
        problem = _not_there(one, door.clock() - began)
        late = door.clock() - began >= course.healthy_deadline
        if one.life is not None and one.life.runs:
            try:
                one.version = client.version()
                return
            except ServerError as error:
                problem = f"its container runs, and {error.message}"
        if late:
            raise NotAdmitted(
                f"{one.name}: not up within {course.healthy_deadline:g} s: {problem}",
                kind="never_up",
                remedy="See why in its container's log.",
            )
        door.sleep(_STEP)


def _not_there(one: Candidate, waited: float) -> str:
    """Takes note of the container as it is; what is wrong with it, in words. Raises for what waiting does not cure."""
    found = one.box.find()
    if one.box.trouble is not None:
        return one.box.trouble.message
    if found is None:
        if waited >= _ABSENT:
            raise NotAdmitted(
                f"{one.name}: the project {one.box.project} has no container for it.",
                kind="no_container",
                remedy="Start it (docker compose up, or corral.ollama.deploy).",
            )
        return "it has no container."
    life = life_of(found)
    if one.began is None or one.began.container != life.container:
        one.began = life
    problem = crash(one.began, life, one.name, endured=CRASHES - 1)
    if problem is not None:
        raise problem
    one.life, one.image = life, str(found["image_digest"])
    return f"its container is {life.state}."


def let_in(one: Candidate, course: Course) -> None:
    """Requests again, and the gateway has to find it healthy itself."""
    door = course.door
    state = door.state(one.name)
    if state is None or not state.known:
        return
    host, port = _address(one.url)
    if host and (state.address, state.port) != (host, port):
        door.move(one.name, host, port)
    if state.drained or not serving(state.status):
        door.ready(one.name)
    until = door.clock() + course.healthy_deadline
    while True:
        state = door.state(one.name)
        if state is None or not state.known or _in_service(state):
            return
        _still_runs(one)
        if door.clock() >= until:
            raise NotAdmitted(
                f"{one.name}: it answers at {one.url}, and after {course.healthy_deadline:g} s the gateway still calls"
                f" it {state.status} (address {state.address}:{state.port}).",
                kind="gateway_not_up",
                remedy="Look at the gateway's log (docker logs): its check asks for /api/version.",
            )
        if state.drained:
            # the gateway was killed, and came back with what it had been told before
            door.ready(one.name)
        door.sleep(_STEP)


def watch(one: Candidate, course: Course) -> None:
    """For ``min_healthy_time``: no restart, no exit, it answers, and the gateway agrees."""
    door = course.door
    client, misses = OllamaClient(one.url, course.timeout), 0
    until = door.clock() + course.min_healthy_time
    while True:
        _still_runs(one)
        try:
            client.version()
            misses = 0
        except ServerError as error:
            misses += 1
            if misses >= _MISSES:
                raise NotAdmitted(f"{one.name}: {error.message}", kind="unhealthy") from error
        agreed(one, course)
        left = until - door.clock()
        if left <= 0 and misses == 0:
            return
        door.sleep(min(_WATCH_STEP, max(_STEP, left)))


def agreed(one: Candidate, course: Course) -> None:
    """The gateway calls it up; one that was told to keep it drained, before it was killed, is told again."""
    state = course.door.state(one.name)
    if state is None or not state.known or state.status.startswith("UP") or serving(state.status):
        return
    if is_down(state.status):
        raise NotAdmitted(
            f"{one.name}: the gateway marked it as {state.status} after {state.checks_failed} failed checks.",
            kind="unhealthy",
            remedy="Look at its log and at the gateway's.",
        )
    course.door.ready(one.name)


def read_memory(one: Candidate, course: Course) -> None:
    """What it has loaded now."""
    one.loaded = residents(OllamaClient(one.url, course.timeout).ps(), course.now())


def _still_runs(one: Candidate) -> None:
    if one.life is None:
        return
    found = one.box.look(one.life.container)
    if one.box.trouble is not None:
        # An engine that is being restarted says nothing about its containers; /api/version does.
        return
    problem = crash(one.life, _life(found), one.name)
    if problem is not None:
        raise problem


def _life(found: object) -> Life | None:
    return life_of(found) if isinstance(found, dict) else None


def _in_service(state: ServerState) -> bool:
    return serving(state.status) and not state.drained


def _address(url: str) -> tuple[str, int]:
    """Host and port for the gateway; ("", 0) when the host is a name, which only its configuration can resolve."""
    parts = urlsplit(url)
    try:
        return str(ipaddress.ip_address(parts.hostname or "")), parts.port or 80
    except ValueError:
        return "", 0
