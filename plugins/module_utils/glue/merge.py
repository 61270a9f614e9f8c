# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_merge``: trees of models into one store, each blob read once, no manifest before its blobs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.declared import BadInput, declared_models
from ..core.errors import CorralError
from ..core.merge import FAIL, PREFER, STORE, Copy, Model, Policy, Question, models_of, refuse_conflicts
from ..core.names import Key, ModelName
from ..core.plans import Plan, Step
from ..core.progress import Progress, ProgressMeter
from ..core.units import human_bytes
from ..store.files import lstat, unlink_if_there
from ..store.inventory import Inventory, inventory, usage_of
from ..store.layout import ModelTree, StorePaths, store_at
from ..store.lease import Heartbeat, LeaseFile
from ..store.merge_known import Known
from ..store.merging import Merger
from ..store.preparing import space
from ..store.tidying import tidy, untidy
from ..store.writers import writers_of
from .merge_report import Forecast, Merge, forecast, report
from .progress_file import ProgressFile
from .run import Work

_STORE_NAME = "store"
_DAY = 86400


@dataclass(frozen=True)
class _Wanted:
    """What the parameters mean; ``sources`` without the store itself."""

    paths: StorePaths
    trees: tuple[Inventory, ...]
    in_place: bool
    sources: tuple[int, ...]
    question: Question


def prepare_merge(params: Mapping[str, Any]) -> Work:
    """Names, sizes and manifests are read, and what no file system can hold is refused; nothing is hashed yet."""
    wanted = _desired(params)
    known = Known(wanted.paths, wanted.trees)
    models = _models(wanted)
    if wanted.question.policy.kind == FAIL:
        refuse_conflicts(models, [tree.name for tree in wanted.trees])
    tidy_steps = untidy(wanted.paths) if wanted.in_place and wanted.trees[STORE].place != (0, 0) else ()
    policy, aside = wanted.question.policy.kind, usage_of(wanted.paths.quarantine)
    merge = Merge(wanted.paths, wanted.trees, wanted.sources, policy, known, aside)
    ahead = forecast(merge, models, tidy_steps)
    _require_space(wanted.paths, ahead)
    plan = _plan(ahead, tidy_steps, _warnings(wanted, models))
    result = report(merge, ahead.decisions, ahead.placed, ahead.after_bytes, verified=not ahead.unread)
    if plan.changed:
        # reading what is in its place already changes nothing that anybody sees
        result["changed"] = any(step.action != "verify_blobs" for step in plan.steps)
    return Work(plan, result, lambda: _apply(wanted, merge, models, tidy_steps, params))


def _desired(params: Mapping[str, Any]) -> _Wanted:
    paths = store_at(params["path"])
    if not 0 <= params["hash_threads"] <= 1024:
        raise BadInput(f"hash_threads is {params['hash_threads']}, not 0 to 1024.", remedy="Use 0 for one each.")
    store = inventory(_STORE_NAME, paths, must_exist=False)
    trees, in_place, sources = [store], False, []
    for entry in params["sources"]:
        name = str(entry["name"])
        found = inventory(name, ModelTree(store_at(str(entry["path"])).root))
        if found.place == store.place:
            trees[STORE], in_place = inventory(name, paths), True
            sources.append(STORE)
        else:
            sources.append(len(trees))
            trees.append(found)
    _refuse_twins([trees[number] for number in sources], in_place)
    policy = Policy(params["policy"], _preferred(params, trees))
    declared = declared_models(params["models"])
    question = Question(declared, bool(params["undeclared"]) or not declared, policy)
    return _Wanted(paths, tuple(trees), in_place, tuple(sources), question)


def _refuse_twins(sources: Sequence[Inventory], in_place: bool) -> None:
    names: set[str] = set() if in_place else {_STORE_NAME}
    places: dict[tuple[int, int], str] = {}
    for source in sources:
        if not source.name or source.name in names:
            raise BadInput(f"A source cannot be named {source.name!a} here.", remedy="Give each source its own name.")
        names.add(source.name)
        other = places.setdefault(source.place, source.name)
        if other != source.name:
            raise BadInput(f"The sources {other} and {source.name} are one directory.", remedy="Name it once.")


def _preferred(params: Mapping[str, Any], trees: Sequence[Inventory]) -> int:
    if params["policy"] != PREFER:
        return -1
    for number, tree in enumerate(trees):
        if params["prefer"] in (tree.name, _STORE_NAME if number == STORE else tree.name):
            return number
    names = ", ".join(tree.name for tree in trees)
    raise BadInput(f"prefer is {params['prefer']!a}, which is no source.", remedy=f"Name one of: {names}.")


def _models(wanted: _Wanted) -> list[Model]:
    copies: list[Copy] = []
    broken: dict[Key, tuple[ModelName, str]] = {}
    told = [model.name for tree in wanted.trees[1:] for model in tree.seen.models]
    in_question = {name.key for name in (*told, *(one.name for one in wanted.question.declared)) if name}
    for number, tree in enumerate(wanted.trees):
        for model in tree.seen.models:
            # what a store has of its own is none of a merge's business, unless a source has it or the store is one
            if model.name is None or not (number or wanted.in_place or model.name.key in in_question):
                continue
            found = lstat(os.path.join(tree.tree.root, model.path))
            if model.kind or model.manifest is None or found is None:
                broken.setdefault(model.name.key, (model.name, f"in {tree.name}: {model.problem}"))
            else:
                copies.append(Copy(number, model.name, model.manifest, found.st_mtime_ns))
    return models_of(copies, broken, wanted.question)


def _require_space(paths: StorePaths, ahead: Forecast) -> None:
    free = space(paths.root)["free_bytes"]
    if ahead.carried <= free:
        return
    raise CorralError(
        f"{paths.root} has {human_bytes(free)} free, and {human_bytes(ahead.carried)} lie on other file systems.",
        kind="no_space",
        remedy=f"Free {human_bytes(ahead.carried - free)}, or merge fewer sources or models at a time.",
        path=paths.root,
        free_bytes=free,
        copied_bytes=ahead.carried,
    )


def _plan(ahead: Forecast, tidy_steps: Sequence[Step], warnings: Sequence[str]) -> Plan:
    steps = [
        Step(action, f"{len(sizes)} blobs", human_bytes(sum(sizes))) for action, sizes in ahead.blob_steps() if sizes
    ]
    steps += [Step("publish", row["name"], f"{row['digest'][:12]} of {row['source']}") for row in ahead.publish]
    # a name on the disk may be any bytes; a result is text
    steps += [Step(step.action, ascii(step.target)[1:-1], step.detail) for step in tidy_steps]
    untidy_now = [ascii(step.target)[1:-1] for step in tidy_steps]
    return Plan(
        tuple(steps),
        {"models": ahead.models_before, "untidy": untidy_now},
        {"models": {**ahead.models_before, **{row["name"]: row["digest"] for row in ahead.publish}}, "untidy": []},
        tuple(warnings),
    )


def _warnings(wanted: _Wanted, models: Sequence[Model]) -> list[str]:
    soon = (time.time() + _DAY) * 10**9
    names = [tree.name for tree in wanted.trees]
    ahead = [
        f"{copy.name.display} of {names[copy.tree]}"
        for model in models
        if model.in_conflict and wanted.question.policy.kind != PREFER
        for copy in model.copies
        if copy.modified_ns > soon
    ]
    told = [f"Manifests are dated in the future, and count as the newest: {', '.join(ahead[:10])}."] if ahead else []
    writing = _writers(wanted)
    return [*told, f"Downloads still run: {', '.join(writing)}. Stop them before the merge."] if writing else told


def _writers(wanted: _Wanted) -> tuple[str, ...]:
    return writers_of({place for tree in wanted.trees for place in tree.partials})


def _apply(
    wanted: _Wanted, merge: Merge, models: Sequence[Model], tidy_steps: Sequence[Step], params: Mapping[str, Any]
) -> Mapping[str, Any]:
    writing = _writers(wanted)
    if writing:
        raise CorralError(
            f"Downloads still run into what is to be merged: {', '.join(writing)}.",
            kind="writers_running",
            remedy="Stop those containers or processes, and run again.",
            writers=list(writing),
        )
    lease, token = LeaseFile(wanted.paths), params["lease_token"]
    progress, meter = ProgressFile(params["progress_path"]), ProgressMeter(f"{len(wanted.sources)} sources")
    total = sum(merge.known_sizes(models))
    with Heartbeat(lease, token) as beat:

        def tick(done: int) -> None:
            beat.check()
            progress.write(meter.update("merging", min(done, total), total, time.monotonic()))

        with lease.writing(token):
            for entry in os.listdir(wanted.paths.tmp):
                unlink_if_there(os.path.join(wanted.paths.tmp, entry))
        with Merger(wanted.paths, merge.known, lease, token, params["hash_threads"], tick) as merger:
            decided = merger.bring(models)
            # between the two: blobs may still have an old name, and a directory may be where a manifest belongs
            for step in tidy_steps:
                beat.check()
                with lease.writing(token):
                    tidy(wanted.paths, [step])
            decisions = [merger.publish(decision) for decision in decided]
    progress.write(Progress(meter.model, phase="done"), done=True)
    changed = bool(tidy_steps or merger.published or any(merger.placed.values()))
    after = merge.measured()
    return {**report(merge, decisions, merger.placed, after, verified=True), "changed": changed}
