# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What publishing models from staging takes: pure decisions over what the store, staging and the registry have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .declared import Declared
from .errors import CorralError
from .manifests import Manifest
from .plans import Plan, Step
from .store_needs import NONE, PULL, REMOVE, Held, Need

PUBLISH = "publish"


@dataclass(frozen=True)
class Task:
    """One model: what to do (``none``, ``publish``, ``pull``, ``remove``), why, and what is known beforehand.

    ``target``: the manifest it will have, where that is known: staged, or as the registry serves it.
    """

    model: Declared
    held: Held
    action: str
    reason: str = ""
    target: Manifest | None = None

    @property
    def predicted_digest(self) -> str:
        """The digest afterwards; empty for none, and where only the pull can tell."""
        if self.action == REMOVE or self.model.state == "absent":
            return ""
        if self.action == NONE:
            return self.held.digest
        return self.target.digest if self.target else self.model.digest or ""

    def row(self) -> dict[str, Any]:
        """The result for this model before anything is done."""
        manifest = self.target or self.held.manifest
        return {
            "name": self.model.name.display,
            "action": self.action,
            "reason": self.reason,
            "digest": self.predicted_digest,
            "previous_digest": self.held.digest,
            "changed": self.action != NONE,
            "bytes_total": manifest.total_size if manifest and self.model.state != "absent" else 0,
            "bytes_fetched": 0,
            "layers_reused": 0,
            "layers_fetched": 0,
            "seconds_pull": 0.0,
            "seconds_hash": 0.0,
            "retries": [],
        }


def task_from_puller(need: Need) -> Task:
    """The need of a model becomes a pull or a removal, or nothing."""
    return Task(need.model, need.held, need.action, need.reason, need.remote if need.action == PULL else None)


def task_from_staging(need: Need, staged: Held) -> Task:
    """What lies in staging is wanted, unless the store has exactly that; raises when it cannot be published."""
    model, held = need.model, need.held
    if model.state == "absent" or (need.action == NONE and not staged.present):
        return Task(model, held, need.action, need.reason)
    if not staged.present:
        raise _error(
            model, "not_staged", f"{model.name.display} is not in staging, and {need.reason}.", "Pull it first."
        )
    if staged.manifest is None:
        text = f"The staged manifest of {model.name.display} cannot be used: {staged.problem}"
        raise _error(model, "bad_manifest", text, "Pull it again.")
    if model.digest and staged.digest != model.digest:
        if need.action == NONE:
            return Task(model, held, NONE)
        raise pin_error(model, staged.digest)
    if held.complete and held.digest == staged.digest:
        return Task(model, held, NONE)
    reason = need.reason or f"staging has {staged.digest[:12]}"
    return Task(model, held, PUBLISH, reason, staged.manifest)


def pin_error(model: Declared, found: str) -> CorralError:
    """What was pulled or staged is not what is pinned; nothing of it is published."""
    return CorralError(
        f"{model.name.display} is pinned to the digest {model.digest}, and staging has {found}. It was not published.",
        kind="digest_mismatch",
        remedy="The registry's tag has moved: review what it serves now, and pin that, or keep what the store has.",
        model=model.name.display,
        expected=model.digest,
        found=found,
    )


def publish_plan(tasks: Sequence[Task], leftovers: Sequence[str], warnings: Sequence[str] = ()) -> Plan:
    """Leftovers of an interrupted run first, then each model in turn."""
    steps = [Step("clear_staging", file, "published already") for file in leftovers]
    steps += [Step(task.action, task.model.name.display, task.reason) for task in tasks if task.action != NONE]
    return Plan(
        steps=tuple(steps),
        before={"models": {task.model.name.display: task.held.digest for task in tasks}, "staged": list(leftovers)},
        after={"models": {task.model.name.display: task.predicted_digest for task in tasks}, "staged": []},
        warnings=tuple(warnings),
    )


def _error(model: Declared, kind: str, text: str, remedy: str) -> CorralError:
    return CorralError(text, kind=kind, remedy=remedy, model=model.name.display)
