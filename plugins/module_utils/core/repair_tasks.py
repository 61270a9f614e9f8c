# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tasks of a repair in their order, what each says in the result, and what could not be done and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .digests import blob_file
from .findings import Finding
from .manifests import Blob, Manifest
from .names import ModelName
from .repair_plan import (
    BLOCKED,
    EMPTY,
    OLD_NAME,
    STUCK,
    BadBlob,
    BrokenManifest,
    Facts,
    Odd,
    bad_orphans,
    sound,
    unwanted,
)

FETCH, RENAME, RESTORE = "fetch", "rename", "restore"
SET_ASIDE, SET_MODE, REMOVE, REMOVE_DIRECTORY = "set_aside", "set_mode", "remove", "remove_directory"
_SERVED = (FETCH, RENAME, RESTORE)


@dataclass(frozen=True)
class Task:
    """One thing to do. ``path`` (below the store) is what it is about, ``shown`` the same for people.

    ``source``: where the good copy comes from; ``planned_bytes``: what of it has to be fetched over the network.
    ``occupied``: something lies there that goes into quarantine first.
    """

    action: str
    kind: str
    path: str
    shown: str
    message: str
    models: tuple[str, ...] = ()
    source: str = ""
    planned_bytes: int = 0
    occupied: bool = False
    blob: Blob | None = None
    names: tuple[ModelName, ...] = ()
    raw: bytes = b""
    mode: int = 0

    @property
    def digest(self) -> str:
        return self.blob.digest if self.blob else ""

    @property
    def served(self) -> bool:
        """Servers that looked before may remember what was wrong."""
        return bool(self.models) and (self.action in _SERVED or (self.action == SET_MODE and self.occupied))

    @property
    def aside(self) -> bool:
        return self.action == SET_ASIDE or (self.action in _SERVED and self.occupied)

    @property
    def aside_path(self) -> str:
        """What goes into quarantine, below the store."""
        return f"blobs/{blob_file(self.digest)}" if self.action == RENAME else self.shown

    def row(self, **done: Any) -> dict[str, Any]:
        return {
            "action": self.action,
            "kind": self.kind,
            "path": self.shown,
            "digest": self.digest,
            "models": list(self.models),
            "source": self.source,
            "bytes_fetched": self.planned_bytes,
            **done,
        }

    def lost(self, reason: str) -> Loss:
        return Loss(self.kind, self.shown, self.digest, self.models, reason)


@dataclass(frozen=True)
class Loss:
    """Damage for which there is no good source."""

    kind: str
    path: str
    digest: str
    models: tuple[str, ...]
    reason: str

    def row(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "path": self.path,
            "digest": self.digest,
            "models": list(self.models),
            "reason": self.reason,
        }


def blob_task(bad: BadBlob, source: str, planned_bytes: int) -> Task:
    text = f"{bad.path} is damaged ({bad.kind})"
    return Task(
        FETCH, bad.kind, bad.path, bad.path, text, bad.models, source, planned_bytes, bad.occupied, bad.blob, bad.names
    )


def blob_loss(bad: BadBlob, reason: str) -> Loss:
    return Loss(bad.kind, bad.path, bad.blob.digest, bad.models, reason)


def manifest_task(broken: BrokenManifest, raw: bytes, manifest: Manifest, source: str) -> Task:
    blob = Blob(manifest.digest, len(raw))
    models = (broken.name.display,)
    return Task(
        RESTORE, broken.kind, broken.path, broken.path, broken.message, models, source, 0, broken.occupied, blob,
        (broken.name,), raw,
    )  # fmt: skip


def manifest_aside(broken: BrokenManifest) -> Task:
    """Such a file keeps servers from pruning, and no DELETE removes it."""
    return _aside(broken.kind, broken.path, broken.path, broken.message, (broken.name.display,))


def manifest_loss(broken: BrokenManifest, reason: str) -> Loss:
    return Loss(broken.kind, broken.path, broken.expected, (broken.name.display,), reason)


def tidy_tasks(facts: Facts, restored: Iterable[str], needs: Mapping[str, tuple[str, ...]]) -> tuple[Task, ...]:
    """What needs no source: odd names, links, rests of pulls, modes. ``restored``: paths of manifests that come back;
    ``needs``: who needs which blob."""
    back = tuple(restored)
    tasks: list[Task] = []
    renamed: set[str] = set()
    for odd in facts.odds:
        good = odd.what == OLD_NAME and odd.digest and odd.found == odd.digest
        if good and not sound(odd.digest, facts) and odd.digest not in renamed:
            renamed.add(odd.digest)
            tasks.append(_rename(odd, facts, needs.get(odd.digest, ())))
            continue
        task = _odd_task(odd, back)
        if task is not None:
            tasks.append(task)
    for model in unwanted(facts):
        tasks.append(_aside(model.kind, model.path, model.path, model.problem, (model.display,)))
    for orphan in bad_orphans((*needs, *renamed), facts):
        tasks.append(_aside(orphan.kind, orphan.path, orphan.path, orphan.message))
    return tuple(tasks)


def renamed_digests(tasks: Iterable[Task]) -> frozenset[str]:
    return frozenset(task.digest for task in tasks if task.action == RENAME)


def mode_tasks(every: Iterable[Finding], replaced: Iterable[str]) -> tuple[Task, ...]:
    """Permissions to be set; not of what is replaced anyway. The store itself is the business of the module store."""
    gone, tasks = {".", *replaced}, []
    for one in every:
        if one.kind == "wrong_mode" and one.path not in gone:
            found, wanted = int(one.found, 8), int(one.expected, 8)
            hidden = found & 0o444 != 0o444
            tasks.append(
                Task(SET_MODE, one.kind, one.path, one.path, one.message, one.models, occupied=hidden, mode=wanted)
            )
    return tuple(tasks)


def rests(odds: Iterable[Odd]) -> tuple[Task, ...]:
    """Parts of downloads in staging that go away."""
    return tuple(Task(REMOVE, odd.kind, odd.path, odd.shown, odd.message) for odd in odds)


def in_order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """What stands in the way first, blobs before the manifests that name them, empty directories last."""
    order = (SET_ASIDE, REMOVE, SET_MODE, RENAME, FETCH, RESTORE, REMOVE_DIRECTORY)
    return tuple(sorted(tasks, key=lambda task: (order.index(task.action), task.path)))


def users(models: Iterable[tuple[ModelName, Manifest]]) -> dict[str, tuple[str, ...]]:
    """Which models need a blob, by its digest."""
    needs: dict[str, list[str]] = {}
    for name, manifest in models:
        for blob in manifest.blobs:
            needs.setdefault(blob.digest, []).append(name.display)
    return {digest: tuple(names) for digest, names in needs.items()}


def _odd_task(odd: Odd, restored: tuple[str, ...]) -> Task | None:
    if odd.what == BLOCKED and odd.path in restored:
        return None
    if odd.what == EMPTY:
        on_the_way = any(path.startswith(f"{odd.path}/") for path in restored)
        return None if on_the_way else Task(REMOVE_DIRECTORY, odd.kind, odd.path, odd.shown, odd.message)
    if odd.what == STUCK and odd.path.startswith(".corral/"):
        return Task(REMOVE, odd.kind, odd.path, odd.shown, odd.message)
    return _aside(odd.kind, odd.path, odd.shown, odd.message)


def _aside(kind: str, path: str, shown: str, message: str, models: tuple[str, ...] = ()) -> Task:
    return Task(SET_ASIDE, kind, path, shown, message, models)


def _rename(odd: Odd, facts: Facts, models: tuple[str, ...]) -> Task:
    blob = Blob(odd.digest, 0)
    occupied = odd.digest in facts.seen.blobs
    target = f"becomes blobs/{blob_file(odd.digest)}"
    return Task(RENAME, odd.kind, odd.path, odd.shown, target, models, "store", 0, occupied, blob)
