# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several trees of models into one store: which manifest wins, which is whole, and how that is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .declared import Declared
from .errors import CorralError
from .manifests import Blob, Manifest
from .names import Key, ModelName

NEWEST, PREFER, FAIL = "newest", "prefer", "fail"
NONE, PUBLISH, LACKING = "none", "publish", "lacking"
STORE = 0


@dataclass(frozen=True)
class Copy:
    """A readable manifest in one of the trees; tree 0 is the store. ``modified_ns``: when its file was written."""

    tree: int
    name: ModelName
    manifest: Manifest
    modified_ns: int


@dataclass(frozen=True)
class Policy:
    """How a name with several contents is decided; ``prefer`` is the tree of that policy."""

    kind: str = NEWEST
    prefer: int = -1

    def rank(self, copy: Copy) -> tuple[bool, int, int]:
        """The smallest is the best. A tie goes to the store, then to the source that was named first."""
        return (self.kind == PREFER and copy.tree != self.prefer, -copy.modified_ns, copy.tree)


@dataclass(frozen=True)
class Model:
    """One name in any case. ``choices``: a copy of each distinct content, the best first; ``copies``: all of them."""

    name: ModelName
    copies: tuple[Copy, ...]
    choices: tuple[Copy, ...]
    declared: bool = False
    problem: str = ""

    @property
    def in_conflict(self) -> bool:
        return len(self.choices) > 1


@dataclass(frozen=True)
class Decision:
    """The copy that is to be in the store; ``None`` when no choice is whole. ``lost``: what the best choice lacks."""

    model: Model
    copy: Copy | None
    lost: tuple[tuple[Blob, str], ...] = ()
    reason: str = ""

    @property
    def action(self) -> str:
        if self.copy is None:
            return LACKING
        return NONE if self.copy.tree == STORE else PUBLISH

    @property
    def best(self) -> Copy | None:
        return self.model.choices[0] if self.model.choices else None


@dataclass(frozen=True)
class Question:
    """What is to be merged: ``declared`` models alone, or ``others`` too."""

    declared: tuple[Declared, ...] = ()
    others: bool = True
    policy: Policy = field(default_factory=Policy)


def models_of(copies: Iterable[Copy], broken: Mapping[Key, tuple[ModelName, str]], question: Question) -> list[Model]:
    """Every model that is to be merged, by name. ``broken``: manifests that are none, and why."""
    found: dict[Key, list[Copy]] = {}
    for copy in copies:
        found.setdefault(copy.name.key, []).append(copy)
    declared = {one.name.key: one for one in question.declared}
    wanted = {key for key, one in declared.items() if one.state != "absent"}
    if question.others:
        wanted |= (set(found) | set(broken)) - set(declared)
    return [_model(key, found.get(key, []), broken.get(key), declared.get(key), question) for key in sorted(wanted)]


def decide(model: Model, trouble: Callable[[Blob], str]) -> Decision:
    """The first choice of which no blob is in trouble."""
    lost: tuple[tuple[Blob, str], ...] = ()
    for number, copy in enumerate(model.choices):
        troubles = tuple((blob, trouble(blob)) for blob in copy.manifest.blobs)
        bad = tuple((blob, text) for blob, text in troubles if text)
        if not bad:
            why = "" if not number else f"{model.choices[0].manifest.digest[:12]} would come first, and is not whole"
            return Decision(model, copy, lost, why)
        lost = lost or bad
    return Decision(model, None, lost, model.problem or _told(lost))


def refuse_conflicts(models: Iterable[Model], names: Sequence[str]) -> None:
    """All conflicts in one error, for those who want to decide each by hand."""
    rows = [conflict_row(decide(model, lambda _blob: ""), names, FAIL) for model in models if model.in_conflict]
    if not rows:
        return
    told = "; ".join(f"{row['name']} is {_where(row['candidates'])}" for row in rows[:20])
    raise CorralError(
        f"{len(rows)} model{'s have' if len(rows) > 1 else ' has'} different contents under one name: {told}.",
        kind="conflict",
        remedy="Pin the digest of each under models, or set policy to newest, or to prefer and name a source.",
        conflicts=rows,
    )


def model_row(decision: Decision, names: Sequence[str]) -> dict[str, Any]:
    copy = decision.copy or decision.best
    return {
        "name": (copy.name if copy else decision.model.name).display,
        "digest": decision.copy.manifest.digest if decision.copy else "",
        "source": names[copy.tree] if copy else "",
        "action": decision.action,
        "reason": decision.reason,
    }


def lacking_row(decision: Decision, names: Sequence[str]) -> dict[str, Any]:
    best = decision.best
    return {
        "name": (best.name if best else decision.model.name).display,
        "digest": best.manifest.digest if best else "",
        "sources": sorted({names[copy.tree] for copy in decision.model.copies}),
        "declared": decision.model.declared,
        "reason": decision.reason,
        "blobs": [{"digest": blob.digest, "size": blob.size, "reason": text} for blob, text in decision.lost],
    }


def conflict_row(decision: Decision, names: Sequence[str], policy: str) -> dict[str, Any]:
    copy, model = decision.copy, decision.model
    chosen = {"source": names[copy.tree], "digest": copy.manifest.digest} if copy else {}
    return {
        "name": (copy or model.choices[0]).name.display,
        "policy": policy,
        "chosen": chosen if policy != FAIL else {},
        "reason": decision.reason,
        "candidates": [
            {"source": names[one.tree], "digest": one.manifest.digest, "modified_at": one.modified_ns // 10**9}
            for one in model.copies
        ],
    }


def space_row(before: int, after: int, linked: int, reflinked: int, copied: int) -> dict[str, Any]:
    """Bytes on the disk before and (with the sources gone) after, and how the blobs came into the store."""
    saved = before - after
    return {
        "before_bytes": before,
        "after_bytes": after,
        "saved_bytes": saved,
        "percent": round(100 * saved / before, 1) if before else 0.0,
        "linked_bytes": linked,
        "reflinked_bytes": reflinked,
        "copied_bytes": copied,
    }


def _model(
    key: Key,
    copies: list[Copy],
    broken: tuple[ModelName, str] | None,
    declared: Declared | None,
    question: Question,
) -> Model:
    pin = declared.digest if declared else None
    ranked = sorted(copies, key=question.policy.rank)
    fitting = [copy for copy in ranked if pin in (None, copy.manifest.digest)]
    problem = ""
    if not fitting and copies:
        have = ", ".join(sorted({copy.manifest.digest[:12] for copy in copies}))
        problem = f"it is pinned to {str(pin)[:12]}, and there is {have}"
    elif not fitting:
        problem = broken[1] if broken else "no source has it"
    name = next((one.name for one in fitting or ranked), None) or (broken[0] if broken else None)
    if name is None:
        # a key that nobody has comes from a declaration
        name = declared.name if declared else ModelName(*key)
    return Model(name, tuple(ranked), _distinct(fitting), declared is not None, problem)


def _distinct(ranked: Iterable[Copy]) -> tuple[Copy, ...]:
    """A copy of each content, the store's own if it has one: JSON that an old server wrote anew is no other model."""
    chosen: dict[tuple[str, ...], Copy] = {}
    for copy in ranked:
        content = copy.manifest.content_key
        if content not in chosen or (copy.tree == STORE and chosen[content].tree != STORE):
            chosen[content] = copy
    return tuple(chosen.values())


def _told(lost: Sequence[tuple[Blob, str]]) -> str:
    shown = "; ".join(f"{blob.digest[:12]} {text}" for blob, text in lost[:3])
    return f"{shown} and {len(lost) - 3} more" if len(lost) > 3 else shown


def _where(candidates: Iterable[Mapping[str, Any]]) -> str:
    return " and ".join(f"{one['digest'][:12]} in {one['source']}" for one in candidates)
