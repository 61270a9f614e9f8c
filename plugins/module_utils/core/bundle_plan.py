# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into a bundle and what comes out of one: pure decisions over what a store and a bundle hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .declared import BadInput, Declared
from .errors import CorralError
from .manifests import Blob, Manifest
from .names import ModelName
from .plans import Plan, Step
from .publish_plan import PUBLISH, Task
from .store_needs import NONE, Held, need_of, together
from .units import human_bytes

EXPORT = "export"


def present_ones(models: Iterable[Declared]) -> tuple[Declared, ...]:
    """A list of declared models can be handed on as it is: those that are declared absent are not meant."""
    given = tuple(models)
    kept = tuple(replace(model, state="present") for model in given if model.state != "absent")
    if given and not kept:
        raise BadInput("Every model named is declared absent.", remedy="Name a model, or none for all of them.")
    return kept


def require_exportable(models: Iterable[tuple[Declared, Held]], store: str) -> None:
    """Raise unless the store holds every model whole, at its pinned digest; all that are not in one error."""
    errors = []
    for model, held in models:
        reason = need_of(model, held, None).reason
        if reason:
            errors.append(
                CorralError(
                    f"{model.name.display} cannot be exported from {store}: {reason}.",
                    kind="not_exportable",
                    remedy="Have the store complete first (corral.ollama.deploy or repair), or leave it out.",
                    model=model.name.display,
                )
            )
    if errors:
        raise together(errors)


def chosen_from(held: Mapping[ModelName, Manifest], models: Sequence[Declared], path: str) -> list[Declared]:
    """The models to import, pinned to what the bundle has; without ``models`` all of it. Raises for what it lacks."""
    if not models:
        return [Declared(name, manifest.digest) for name, manifest in held.items()]
    by_key = {name.key: (name, manifest) for name, manifest in held.items()}
    chosen: list[Declared] = []
    errors: list[CorralError] = []
    for model in models:
        display = model.name.display
        name, manifest = by_key.get(model.name.key, (model.name, None))
        if manifest is None:
            has = ", ".join(sorted(one.display for one in held)[:20])
            remedy = "Export the bundle again with it, or name only what it holds."
            error = CorralError(
                f"{path} does not hold {display} (it holds {has}).", kind="not_in_bundle", remedy=remedy
            )
            errors.append(error)
        elif model.digest and model.digest != manifest.digest:
            errors.append(_pin_error(model, manifest, path))
        else:
            chosen.append(Declared(name, manifest.digest))
    if errors:
        raise together(errors)
    return chosen


def import_task(model: Declared, held: Held, manifest: Manifest) -> Task:
    """A bundle is an explicit wish: it moves a tag as a pull does, and leaves alone what is there already."""
    if held.complete and held.digest == manifest.digest:
        return Task(model, held, NONE)
    if not held.present:
        reason = "it is not in the store"
    elif held.manifest is None:
        reason = f"its manifest in the store is damaged: {held.problem}"
    elif held.digest != manifest.digest:
        reason = f"the store has {held.digest[:12]}, and the bundle {manifest.digest[:12]}"
    else:
        reason = "blobs are missing or have a wrong size"
    return Task(model, held, PUBLISH, reason, manifest)


def blobs_of(tasks: Iterable[Task]) -> dict[str, Blob]:
    """What the models to publish consist of, each blob once."""
    targets = (task.target for task in tasks if task.target is not None)
    return {blob.digest: blob for manifest in targets for blob in manifest.blobs}


def import_plan(tasks: Sequence[Task], leftovers: Sequence[str], warnings: Sequence[str]) -> Plan:
    """Leftovers of an interrupted run first, then each model in turn."""
    steps = [Step("clear_staging", file, "published already") for file in leftovers]
    steps += [Step(PUBLISH, task.model.name.display, task.reason) for task in tasks if task.action == PUBLISH]
    return Plan(
        steps=tuple(steps),
        before={"models": {task.model.name.display: task.held.digest for task in tasks}},
        after={"models": {task.model.name.display: task.predicted_digest for task in tasks}},
        warnings=tuple(warnings),
    )


def import_row(task: Task) -> dict[str, Any]:
    manifest = task.target or task.held.manifest
    return row(task.model.name, manifest, task.action, task.reason, task.held.digest)


def export_plan(path: str, reason: str, found: str, wanted: str) -> Plan:
    """``found`` and ``wanted`` are digests of indexes; no ``reason``, no step."""
    steps = (Step(EXPORT, path, reason),) if reason else ()
    return Plan(steps, {"bundle": path, "index_digest": found}, {"bundle": path, "index_digest": wanted})


def row(name: ModelName, manifest: Manifest | None, action: str, reason: str, previous: str) -> dict[str, Any]:
    """One model as the module returns it."""
    return {
        "name": name.display,
        "action": action,
        "reason": reason,
        "digest": manifest.digest if manifest else "",
        "previous_digest": previous,
        "changed": action != NONE,
        "bytes_total": manifest.total_size if manifest else 0,
    }


def require_room(folder: str, path: str, needed: int, free: int) -> None:
    if needed > free:
        raise CorralError(
            f"{folder} has {human_bytes(free)} free, and the bundle {path} takes {human_bytes(needed)}.",
            kind="no_space",
            remedy=f"Free {human_bytes(needed - free)}, choose fewer models, or write it elsewhere.",
            path=path,
            free_bytes=free,
            bytes_needed=needed,
        )


def require_index(path: str, found: str, expected: str, where: str) -> None:
    if found != expected:
        raise CorralError(
            f"The index of {path} has the digest {found}, and {where} says {expected}. Nothing was imported.",
            kind="digest_mismatch",
            remedy="Copy the bundle and the file beside it again, or export it again.",
            path=path,
            found=found,
            expected=expected,
        )


def _pin_error(model: Declared, manifest: Manifest, path: str) -> CorralError:
    return CorralError(
        f"{model.name.display} is pinned to the digest {model.digest}, and {path} has {manifest.digest}.",
        kind="digest_mismatch",
        remedy="Pin what the bundle has after reviewing it, or export the pinned model.",
        model=model.name.display,
        expected=model.digest,
        found=manifest.digest,
    )
