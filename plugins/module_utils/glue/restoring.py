# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask for every declared model, then load again what was loaded before, where it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..core.admission_verdict import NotAdmitted, model_for_the_end
from ..core.answers import EMBED, endpoint_of, question
from ..core.names import Key, parse_name
from ..core.placement import fallen_back, less_on_gpu, load_order, probe_order, share_on_gpu
from ..core.probe_plan import ModelResult, Server
from ..core.residents import FOREVER, Resident
from ..server.client import OllamaClient
from ..server.errors import ServerError
from ..server.recheck import by_key
from .ask import Asking, ask
from .candidate import Candidate, Course
from .probe import Look, Settings, ask_all, look
from .watching import read_memory

_BUSY = 503
_BUSY_DELAY = 1.0


def prove(one: Candidate, course: Course) -> Look:
    """Every declared model is listed at its digest and answers. What has to be resident is asked for last."""
    order = probe_order([model.name for model in course.models], one.before, one.declared)
    models = [course.models[place] for place in order]
    server = Server(one.name, one.url, one.image)
    asking = Asking(course.deadline, clock=course.door.clock, sleep=course.door.sleep)
    settings = Settings(asking, course.timeout, max_age=0.0, deep=True, now=course.now)
    looks = look([server], models, settings, course.memory)
    _refuse(one, looks[0])
    looks = ask_all(looks, settings, course.memory)
    _refuse(one, looks[0])
    return looks[0]


def _refuse(one: Candidate, found: Look) -> None:
    problems = found.result.problems
    if problems:
        raise NotAdmitted(" ".join(text for _kind, text in problems), kind=problems[0][0])


def place(one: Candidate, course: Course, found: Look) -> None:
    """Load what was loaded, for as long and with the same context, the largest first; then look where it all is."""
    client = OllamaClient(one.url, course.timeout)
    entries = found.entries or by_key(client.tags())
    endpoints = {parse_name(model.name).key: model.endpoint for model in found.result.models}
    gone = [resident for resident in one.before if resident.name.key not in entries]
    one.notes += [f"{resident.name.display} {_why(one, resident)} and is not in the store." for resident in gone]
    one.before = tuple(_sized(resident, entries) for resident in one.before if resident not in gone)
    for resident in load_order(one.before, one.declared):
        course.door.check()
        entry = entries[resident.name.key]
        endpoint = endpoints.get(resident.name.key) or endpoint_of(entry, _shown(client, resident))[0]
        _load(one, course, resident, endpoint)
    read_memory(one, course)
    _judge_memory(one, course, found.result.models)


def _why(one: Candidate, resident: Resident) -> str:
    return "is declared resident" if resident.name.key in one.declared else "was loaded before"


def _sized(resident: Resident, entries: Mapping[Key, Mapping[str, Any]]) -> Resident:
    """Of one that was not in memory the size of its weights has to do."""
    size = entries[resident.name.key].get("size")
    return replace(resident, size=size) if not resident.size and isinstance(size, int) else resident


def _shown(client: OllamaClient, resident: Resident) -> Mapping[str, Any] | None:
    try:
        return client.show(resident.name.display)
    except ServerError:
        return None


def _load(one: Candidate, course: Course, resident: Resident, endpoint: str) -> None:
    """At the server's own context length first: only when that is another than before, it had been asked for. What is
    declared is known to be asked for."""
    if resident.name.key in one.declared and resident.context_length:
        one.contexts[resident.name.key] = resident.context_length
        return _request(one, course, resident, endpoint, resident.context_length)
    _request(one, course, resident, endpoint, 0)
    read_memory(one, course)
    loaded = [found for found in one.loaded if found.name.key == resident.name.key]
    if not loaded or not resident.context_length or resident.context_length in [one.context_length for one in loaded]:
        return None
    _request(one, course, resident, endpoint, resident.context_length)
    one.contexts[resident.name.key] = resident.context_length
    return None


def _request(one: Candidate, course: Course, resident: Resident, endpoint: str, context: int) -> None:
    client, door = OllamaClient(one.url, course.timeout), course.door
    name = resident.name.display
    # without a prompt, generating is loading only; an embedding has no such form
    body: dict[str, Any] = question(name, endpoint) if endpoint == EMBED else {"model": name}
    if resident.keep_alive is not None:
        body["keep_alive"] = max(resident.keep_alive, FOREVER)
    if context:
        body["options"] = {"num_ctx": context}
    until = door.clock() + course.deadline
    while True:
        try:
            (client.embed if endpoint == EMBED else client.generate)(body, timeout=max(0.001, until - door.clock()))
            return
        except ServerError as error:
            if error.status != _BUSY or door.clock() + _BUSY_DELAY >= until:
                text = f"{one.name}: {name} {_why(one, resident)} and is not loaded again: {error.message}"
                raise NotAdmitted(text, kind="not_loaded") from error
        door.sleep(_BUSY_DELAY)


def _judge_memory(one: Candidate, course: Course, asked: Sequence[ModelResult]) -> None:
    answered = [_resident(result) for result in asked if result.asked and result.answered]
    lost = fallen_back(course.needed, (*answered, *one.loaded))
    if lost:
        names = ", ".join(dict.fromkeys(resident.name.display for resident in lost))
        raise NotAdmitted(
            f"{one.name}: {names} was on a GPU before, and now not a byte of it is (size_vram 0).",
            kind="cpu_fallback",
            remedy="See in its container's log which GPUs it found (inference compute), and check the driver.",
        )
    for old, new in less_on_gpu(one.before, one.loaded):
        shares = f"{share_on_gpu(new):.0%} of it on a GPU, {share_on_gpu(old):.0%} before"
        one.notes.append(f"{new.name.display} has only {shares}.")
    there = {resident.name.key for resident in one.loaded}
    for resident in one.before:
        if resident.name.key not in there:
            one.notes.append(f"{resident.name.display} {_why(one, resident)} and does not fit beside the others.")


def _resident(result: ModelResult) -> Resident:
    return Resident(parse_name(result.name), result.digest, result.size, result.size_vram)


def ask_once_more(one: Candidate, course: Course, found: Look) -> None:
    """The last question of the watch, to what is loaded anyway and as it is loaded."""
    read_memory(one, course)
    name = model_for_the_end([model.name for model in found.wanted], one.loaded)
    if name is None:
        return
    entry = found.entries.get(name.key) or {}
    context = one.contexts.get(name.key, 0)
    asking = Asking(course.deadline, num_ctx=context, clock=course.door.clock, sleep=course.door.sleep)
    server, client = Server(one.name, one.url, one.image), OllamaClient(one.url, course.timeout)
    base = ModelResult(name.display, digest=str(entry.get("digest") or ""), listed=True)
    result = ask(client, server, name, entry, base, asking)
    if result.problem:
        raise NotAdmitted(f"After {course.min_healthy_time:g} s in service, {result.problem}", kind=result.kind)
