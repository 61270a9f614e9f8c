# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_model``: what each model needs, and doing it, one after another, under the lease."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.declared import BadInput, Declared, declared_models
from ..core.errors import CorralError
from ..core.progress import Progress
from ..core.publish_plan import Task, publish_plan, task_from_puller, task_from_staging
from ..core.store_needs import NONE, PULL, REMOVE, Held, must_ask, need_of, together
from ..registry.client import RegistryClient
from ..store.layout import ModelTree, StorePaths, store_at
from ..store.lease import Heartbeat, LeaseFile
from ..store.publish import Publisher
from ..store.reading import empty_parents, incomplete, stored_model
from ..store.staging import clear, leftovers
from ..store.verifier import Verifier
from .progress_file import ProgressFile
from .publish_known import publish_known, task_from_known
from .publish_one import Tools, publish_staged, pull_and_publish
from .run import Work

_TOLERATED = ("registry_unreachable", "registry_tls", "registry_busy", "registry_auth", "registry_error")


@dataclass(frozen=True)
class _Wanted:
    """What the parameters mean."""

    paths: StorePaths
    models: tuple[Declared, ...]
    source: str


def prepare_publish(params: Mapping[str, Any]) -> Work:
    """The five steps of ``store_model`` for its parameters."""
    wanted = _desired(params)
    warnings: list[str] = []
    tasks = _decide(wanted, params, warnings)
    tidy = leftovers(wanted.paths)
    plan = publish_plan(tasks, tidy, warnings)
    result = {"models": [task.row() for task in tasks]}
    return Work(plan, result, lambda: _apply(wanted, tasks, tidy, params))


def _desired(params: Mapping[str, Any]) -> _Wanted:
    entries = [*(params["models"] or ()), *([params["name"]] if params["name"] else ())]
    if not entries:
        raise BadInput("No model is named.", remedy="Give name, or a list of models.")
    models = declared_models(entries)
    if params["state"] == "absent":
        models = tuple(replace(model, state="absent") for model in models)
    return _Wanted(store_at(params["path"]), models, params["source"])


def _decide(wanted: _Wanted, params: Mapping[str, Any], warnings: list[str]) -> tuple[Task, ...]:
    tasks: list[Task] = []
    errors: list[CorralError] = []
    for model in wanted.models:
        held = held_in(wanted.paths, model)
        try:
            if model.state == "absent" and not held.present and empty_parents(wanted.paths, model.name):
                tasks.append(Task(model, held, REMOVE, "empty directories are left of it"))
            elif wanted.source == "known" and model.state != "absent":
                tasks.append(task_from_known(wanted.paths, model, held))
            elif wanted.source == "puller":
                tasks.append(_pull_task(model, held, params, warnings))
            else:
                staged = held_in(wanted.paths.staging, model)
                # "latest" is a question for the registry; here staging is what is latest
                need = need_of(replace(model, state="present") if model.state == "latest" else model, held, None)
                tasks.append(task_from_staging(need, staged))
        except CorralError as error:
            errors.append(error)
    if errors:
        raise together(errors)
    return tuple(tasks)


def held_in(tree: ModelTree, model: Declared) -> Held:
    """What a tree has of a model."""
    stored = stored_model(tree, model.name)
    if stored is None:
        return Held()
    lacking = incomplete(tree, stored.manifest) if stored.manifest else ()
    return Held(True, stored.manifest, lacking, stored.problem)


def _pull_task(model: Declared, held: Held, params: Mapping[str, Any], warnings: list[str]) -> Task:
    remote = None
    if params["registry_lookup"] and must_ask(model, held, "missing"):
        try:
            registry = RegistryClient(
                params["registry_endpoints"], params["registry_ca_path"], params["registry_timeout"]
            )
            remote = registry.manifest(model.name, model.insecure).manifest
        except CorralError as error:
            # the puller may reach what this host does not; only "latest" cannot be decided without the answer
            if error.kind not in _TOLERATED or model.state == "latest":
                raise
            warnings.append(f"{error.message} What the store has already may be pulled again.")
    elif model.state == "latest":
        raise BadInput(f"{model.name.display} is wanted latest, which takes registry_lookup.", remedy="Set it to true.")
    return task_from_puller(need_of(model, held, remote))


def _apply(wanted: _Wanted, tasks: Sequence[Task], tidy: Sequence[str], params: Mapping[str, Any]) -> Mapping[str, Any]:
    lease, token = LeaseFile(wanted.paths), params["lease_token"]
    rows = [task.row() for task in tasks]
    with Heartbeat(lease, token) as beat, Verifier(params["hash_threads"]) as verifier:
        publisher = Publisher(wanted.paths, lease, token, verifier)
        progress = ProgressFile(params["progress_path"])
        tools = Tools(wanted.paths, publisher, verifier, beat, progress, params)
        publisher.sweep()
        clear(wanted.paths, tidy)
        for index, task in enumerate(tasks):
            beat.check()
            try:
                rows[index].update(_do(tools, task, wanted.source))
            except CorralError as error:
                # what was done before this model stays done, and is told
                error.facts.setdefault("model", task.model.name.display)
                error.facts.update(models=rows[:index], not_done=[row["name"] for row in rows[index:]])
                raise
    progress.write(Progress(tasks[-1].model.name.display, phase="done"), done=True)
    return {"models": rows, "changed": bool(tidy) or any(row["changed"] for row in rows)}


def _do(tools: Tools, task: Task, source: str) -> dict[str, Any]:
    begun = time.monotonic()
    if task.action == NONE:
        return {}
    if task.action == REMOVE:
        tools.publisher.remove(task.model.name)
        return {"changed": True}
    if task.action == PULL:
        return pull_and_publish(tools, task)
    if source == "known":
        return publish_known(tools, task)
    return {**publish_staged(tools, task.model), "seconds_hash": round(time.monotonic() - begun, 3)}
