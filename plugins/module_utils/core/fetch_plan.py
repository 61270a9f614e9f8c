# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fetching from peers comes to in one run: the blobs to take, and the models that are whole then. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .declared import BadInput, Declared
from .digests import parse_digest
from .distribution import Part
from .manifests import Blob, Manifest
from .plans import Plan, Step
from .publish_plan import PUBLISH
from .store_needs import NONE, Held
from .units import human_bytes

WAIT = "wait"


@dataclass(frozen=True)
class FetchTask:
    """One model. ``raw``: its manifest, as a source serves it; without one it waits, and ``problem`` says why."""

    model: Declared
    held: Held
    action: str
    reason: str = ""
    target: Manifest | None = None
    raw: bytes = b""

    def row(self) -> dict[str, Any]:
        manifest = self.target or self.held.manifest
        publishes = self.action == PUBLISH and self.target is not None
        return {
            "name": self.model.name.display,
            "action": self.action,
            "reason": self.reason,
            "digest": self.target.digest if publishes and self.target else self.held.digest,
            "previous_digest": self.held.digest,
            "changed": publishes,
            "bytes_total": manifest.total_size if manifest else 0,
        }


def parts_given(entries: Sequence[Mapping[str, Any]] | None) -> tuple[Part, ...] | None:
    """The option ``blobs``; ``None`` when it is left out. Raises ``BadInput`` and ``InvalidDigest``."""
    if entries is None:
        return None
    found: dict[str, Part] = {}
    for entry in entries:
        digest, size = parse_digest(entry["digest"]), entry["size"]
        if size < 0 or digest in found:
            raise BadInput(f"The blob {digest[:12]} has the size {size}, or is given twice.", remedy="Correct blobs.")
        found[digest] = Part(digest, size, tuple(entry["peers"] or ()), tuple(entry["spares"] or ()))
    return tuple(found.values())


def parts_for(
    tasks: Sequence[FetchTask], there: Collection[str], given: Sequence[Part] | None, peers: Sequence[str]
) -> tuple[Part, ...]:
    """What is to be taken now, the largest first: all that is lacking, or what of it is ``given``."""
    lacking = {blob.digest: blob for task in tasks for blob in wanted_of(task) if blob.digest not in there}
    every = [Part(blob.digest, blob.size, tuple(peers)) for blob in lacking.values()]
    if given is not None:
        every = []
        for part in given:
            blob = lacking.get(part.digest)
            if blob is not None and blob.size != part.size:
                raise BadInput(
                    f"blobs gives the blob {part.digest[:12]} {part.size} bytes, and its manifest {blob.size}.",
                    remedy="Work the plan out again.",
                )
            every += [part] if blob is not None else []
    return tuple(sorted(every, key=lambda part: (-part.size, part.digest)))


def wanted_of(task: FetchTask) -> tuple[Blob, ...]:
    return task.target.blobs if task.target is not None and task.action != NONE else ()


def with_whole(tasks: Sequence[FetchTask], there: Collection[str]) -> tuple[FetchTask, ...]:
    """Models of which every blob is there are published; the others wait for another run."""
    return tuple(_with_whole(task, there) for task in tasks)


def _with_whole(task: FetchTask, there: Collection[str]) -> FetchTask:
    if task.action == NONE or task.target is None:
        return task
    left = [blob for blob in task.target.blobs if blob.digest not in there]
    size = human_bytes(sum(blob.size for blob in left))
    reason = f"{len(left)} of its blobs ({size}) are not taken in this run" if left else task.reason
    return FetchTask(task.model, task.held, WAIT if left else PUBLISH, reason, task.target, task.raw)


def fetch_plan(tasks: Sequence[FetchTask], parts: Sequence[Part], leftovers: Sequence[str]) -> Plan:
    """Leftovers of an interrupted run first, then blobs, then models."""
    steps = [Step("clear_staging", file, "published already") for file in leftovers]
    steps += [Step("fetch", part.digest, _from(part)) for part in parts]
    steps += [Step(PUBLISH, task.model.name.display, task.reason) for task in tasks if task.action == PUBLISH]
    return Plan(
        steps=tuple(steps),
        before={"models": {task.model.name.display: task.held.digest for task in tasks}, "blobs": []},
        after={
            "models": {task.model.name.display: task.row()["digest"] for task in tasks},
            "blobs": [part.digest for part in parts],
        },
    )


def _from(part: Part) -> str:
    names = ", ".join(part.peers[:3]) or "the registry"
    return f"{human_bytes(part.size)} from {names}{' and others' if len(part.peers) > 3 else ''}"
