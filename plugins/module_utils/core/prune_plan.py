# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a store may go, what has to wait and what stays, each with its reason. Nothing here touches a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .units import human_bytes, human_seconds

REMOVE, WAIT, KEEP = "remove", "wait", "keep"
MODEL, ORPHAN, PARTIAL, STAGED = "model", "orphan", "partial", "staged"
TEMP, QUARANTINE, PAST, STRAY, EMPTY = "temp", "quarantine", "past", "stray", "empty"
_IN_PULLS = (PARTIAL, STAGED, TEMP, EMPTY)
_ORDER = (MODEL, ORPHAN, PARTIAL, STAGED, TEMP, QUARANTINE, PAST, EMPTY, STRAY)


@dataclass(frozen=True)
class File:
    """A directory entry: ``path`` below the store, ``bytes`` what its inode takes on the disk."""

    path: str
    inode: int
    links: int
    size: int
    bytes: int


@dataclass(frozen=True)
class Item:
    """Something that nobody may need.

    ``since``: seconds since 1970 from which its age counts; ``None``: nothing tells, so it counts from now.
    ``files`` go together. ``blobs``: the digests that a manifest names (kinds model and past). ``keep``: why it stays.
    """

    kind: str
    path: str
    since: float | None
    files: tuple[File, ...] = ()
    digest: str = ""
    blobs: frozenset[str] = frozenset()
    name: str = ""
    later: int = 0
    keep: str = ""


@dataclass(frozen=True)
class Facts:
    """``running``: digests of blobs that a loaded model has; ``unsure``: why that is not all. Texts are for people."""

    now: float
    free: int = 0
    running: Collection[str] = frozenset()
    running_manifests: Collection[str] = frozenset()
    unsure: tuple[str, ...] = ()
    blockers: tuple[str, ...] = ()
    pulling: tuple[str, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Seconds; ``free_goal`` in bytes, 0 for all that may go."""

    min_age: float
    partial_age: float
    quarantine_age: float
    free_goal: int = 0
    undeclared: bool = False


@dataclass(frozen=True)
class Candidate:
    """``bytes``: what its removal frees, or would: a file with further links frees nothing but with the last."""

    item: Item
    action: str
    why: str
    age: float
    bytes: int = 0

    def as_dict(self) -> dict[str, Any]:
        path = self.item.path if self.item.path.isprintable() else ascii(self.item.path)[1:-1]
        row = {"kind": self.item.kind, "path": path[:400], "bytes": self.bytes, "age": round(self.age, 1)}
        return {**row, "action": self.action, "why": self.why, "model": self.item.name, "digest": self.item.digest}


@dataclass
class _Links:
    """Counts the links that go: the bytes of a file come free with the last one."""

    gone: Counter[int] = field(default_factory=Counter)

    def take(self, files: Iterable[File]) -> int:
        freed = 0
        for file in files:
            self.gone[file.inode] += 1
            freed += file.bytes if self.gone[file.inode] == file.links else 0
        return freed


def decide(items: Sequence[Item], facts: Facts, limits: Limits) -> tuple[Candidate, ...]:
    """The verdict on every item, what goes first before what waits and what stays."""
    judged = [_judge(item, facts, limits) for item in items if item.kind != PAST]
    judged = _only_as_far_as_needed(judged, facts, limits)
    staying = {one.item.digest for one in judged if one.item.kind == ORPHAN and one.action != REMOVE}
    judged += [_judge_past(item, staying, facts, limits) for item in items if item.kind == PAST]
    rank = {REMOVE: 0, WAIT: 1, KEEP: 2}
    # an empty directory before the one that it lies in
    depth = {True: -1, False: 0}
    judged.sort(
        key=lambda one: (
            rank[one.action],
            _ORDER.index(one.item.kind),
            depth[one.item.kind == EMPTY] * one.item.path.count("/"),
            -one.age,
            one.item.path,
        )
    )
    links = _Links()
    return tuple(replace(one, bytes=links.take(one.item.files)) for one in judged)


def _judge(item: Item, facts: Facts, limits: Limits) -> Candidate:
    age = max(0.0, facts.now - item.since) if item.since is not None else 0.0
    if item.keep:
        return Candidate(item, KEEP, item.keep, age)
    if item.kind == MODEL:
        return _judge_model(item, age, limits)
    if item.kind == ORPHAN:
        return _judge_orphan(item, age, facts, limits)
    if item.kind in _IN_PULLS and facts.pulling:
        return Candidate(item, WAIT, f"{facts.pulling[0]}, and may need it", age)
    if item.kind == EMPTY:
        return Candidate(item, REMOVE, "a directory with nothing in it keeps some servers from starting", age)
    old, what = limits.partial_age, {PARTIAL: "an abandoned download", STAGED: "left in staging"}.get(item.kind, "")
    if item.kind == QUARANTINE:
        old, what = limits.quarantine_age, "set aside"
    return _by_age(item, age, old, what or "left by a process that ended")


def _judge_model(item: Item, age: float, limits: Limits) -> Candidate:
    if not limits.undeclared:
        return Candidate(item, KEEP, "not declared, and undeclared models are not asked for", age)
    later = f"; {human_bytes(item.later)} of blobs follow" if item.later else ""
    return Candidate(item, REMOVE, f"not declared{later}", age)


def _judge_orphan(item: Item, age: float, facts: Facts, limits: Limits) -> Candidate:
    if facts.blockers:
        more = f" (and {len(facts.blockers) - 1} more)" if len(facts.blockers) > 1 else ""
        return Candidate(item, WAIT, f"it may be named by what cannot be read: {facts.blockers[0]}{more}", age)
    if item.digest in facts.running:
        return Candidate(item, WAIT, "an instance still has a model loaded that names it", age)
    if facts.unsure:
        return Candidate(item, WAIT, f"it may be in use: {facts.unsure[0]}", age)
    return _by_age(item, age, limits.min_age, "named by no manifest")


def _by_age(item: Item, age: float, needed: float, what: str) -> Candidate:
    if item.since is None and needed > 0:
        return Candidate(item, WAIT, f"{what}, seen so for the first time; it goes after {human_seconds(needed)}", age)
    if age < needed:
        return Candidate(item, WAIT, f"{what} for {human_seconds(age)} of {human_seconds(needed)}", age)
    return Candidate(item, REMOVE, f"{what} for {human_seconds(age)}", age)


def _only_as_far_as_needed(judged: Sequence[Candidate], facts: Facts, limits: Limits) -> list[Candidate]:
    """With a goal for free space, the oldest first until it is met; models last, for the bytes that they lead to."""
    if limits.free_goal <= 0:
        return list(judged)
    enough = f"{human_bytes(limits.free_goal)} are free without it"
    links, free = _Links(), facts.free
    kept: dict[int, Candidate] = {}
    order = sorted(range(len(judged)), key=lambda i: (judged[i].item.kind == MODEL, -judged[i].age))
    for index in order:
        one = judged[index]
        if one.action != REMOVE:
            continue
        if free >= limits.free_goal:
            kept[index] = replace(one, action=KEEP, why=f"{one.why}; {enough}")
        else:
            free += links.take(one.item.files) + one.item.later
    return [kept.get(index, one) for index, one in enumerate(judged)]


def _judge_past(item: Item, staying: Collection[str], facts: Facts, limits: Limits) -> Candidate:
    """A superseded manifest tells since when its blobs are of no use, so it stays as long as one of them does."""
    age = max(0.0, facts.now - item.since) if item.since is not None else 0.0
    if item.blobs & frozenset(staying):
        return Candidate(item, KEEP, "it tells since when its blobs are of no use, and not all of them may go", age)
    if item.digest in facts.running_manifests:
        return Candidate(item, WAIT, "an instance still has it loaded", age)
    if facts.unsure:
        return Candidate(item, WAIT, f"it may be in use: {facts.unsure[0]}", age)
    return _by_age(item, age, limits.min_age, "superseded")
