# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_prune``: what may go, and letting it go under the lease."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.declared import BadInput, Declared, declared_models
from ..core.digests import InvalidDigest, parse_digest
from ..core.manifests import InvalidManifest, parse_manifest
from ..core.prune_marks import Mark, marked_since
from ..core.prune_plan import MODEL, ORPHAN, PAST, REMOVE, Candidate, Facts, Item, Limits, decide
from ..core.prune_report import prune_plan, prune_result
from ..core.references import References, digests_in
from ..store.clutter import (
    StoredBlob,
    blobs_and_clutter,
    empty_directories,
    file_of,
    leftovers_of_writers,
    set_aside_items,
    staged,
)
from ..store.files import lstat
from ..store.known import past
from ..store.layout import StorePaths, store_at
from ..store.lease import LeaseFile
from ..store.preparing import space
from ..store.pruning import read_marks
from ..store.references import ReferenceReader
from ..store.trees import require_tree
from .prune_apply import Tools, apply_prune
from .run import Work

Past = Mapping[str, tuple[frozenset[str], float]]


@dataclass(frozen=True)
class _Wanted:
    """What the parameters mean."""

    paths: StorePaths
    models: tuple[Declared, ...]
    limits: Limits
    reader: ReferenceReader


@dataclass(frozen=True)
class _Seen:
    """What is there now."""

    references: References
    blobs: Mapping[str, StoredBlob]
    clutter: tuple[Item, ...]
    past: Past
    marks: Mapping[str, Mark]


def prepare_prune(params: Mapping[str, Any]) -> Work:
    """The five steps of ``store_prune`` for its parameters."""
    wanted, now = _desired(params), time.time()
    seen = _look(wanted, now)
    facts = _facts(wanted, seen, params, now)
    candidates = decide(_items(wanted, seen, now), facts, wanted.limits)
    marks = _marks(seen, candidates, now)
    plan = prune_plan(candidates, seen.marks, marks)
    result = prune_result(candidates, facts.free)

    def apply() -> Mapping[str, Any]:
        tools = Tools(wanted.paths, wanted.reader, params["lease_token"])
        return apply_prune(tools, candidates, seen.marks, marks)

    return Work(plan, result, apply)


def _desired(params: Mapping[str, Any]) -> _Wanted:
    models = declared_models(params["models"])
    for name in ("min_age", "partial_age", "quarantine_age", "free_goal_bytes"):
        if params[name] < 0:
            raise BadInput(f"{name} is {params[name]}, less than 0.", remedy="Give seconds (or bytes), or 0.")
    if params["undeclared"] and not models:
        raise BadInput(
            "undeclared is true and models is empty: that would remove every model of the store.",
            remedy="Declare the models that are to stay.",
        )
    ages = (params["min_age"], params["partial_age"], params["quarantine_age"])
    paths = store_at(params["path"])
    kept = [model.name for model in models if model.state != "absent"]
    limits = Limits(*ages, params["free_goal_bytes"], params["undeclared"])
    return _Wanted(paths, models, limits, ReferenceReader(paths, kept))


def _look(wanted: _Wanted, now: float) -> _Seen:
    paths = wanted.paths
    require_tree(paths)
    blobs, clutter = blobs_and_clutter(paths, now)
    # after the blobs: what a manifest named while they were listed, it names still
    references = wanted.reader.read()
    lacking = references.blobs - frozenset(blobs)
    clutter += staged(paths, now) + leftovers_of_writers(paths, now) + set_aside_items(paths, lacking)
    clutter += empty_directories(paths)
    before = {digest: (_named_in(raw), when) for digest, (raw, when) in past(paths).items()}
    return _Seen(references, blobs, clutter, before, read_marks(paths))


def _named_in(raw: bytes) -> frozenset[str]:
    try:
        return frozenset(blob.digest for blob in parse_manifest(raw).blobs)
    except InvalidManifest:
        return digests_in(raw)


def _facts(wanted: _Wanted, seen: _Seen, params: Mapping[str, Any], now: float) -> Facts:
    unsure = [f"{name} could not be asked what it has loaded" for name in params["unasked"]]
    current = {one.digest: one.blobs for one in seen.references.manifests if one.digest}
    running: set[str] = set()
    manifests = set()
    for text in params["running_digests"]:
        try:
            digest = parse_digest(text)
        except InvalidDigest:
            unsure.append(f"an instance has a model loaded and does not say which ({ascii(text)[:80]})")
            continue
        manifests.add(digest)
        blobs = current.get(digest) or (seen.past[digest][0] if digest in seen.past else None)
        if blobs is None:
            unsure.append(f"an instance has the model {digest[:12]} loaded, and no manifest tells what it is made of")
        running |= blobs or frozenset()
    pulling = [f"the puller {name} runs" for name in params["pullers"]]
    lease = LeaseFile(wanted.paths).read()
    if lease is not None and lease.live(now) and lease.token != params["lease_token"]:
        pulling.append(f"the lease is {lease.told()}")
    free = space(wanted.paths.root)["free_bytes"]
    return Facts(now, free, running, manifests, tuple(unsure), seen.references.blockers, tuple(pulling))


def _items(wanted: _Wanted, seen: _Seen, now: float) -> list[Item]:
    used = seen.references.blobs
    superseded: dict[str, list[float]] = {}
    for blobs, when in seen.past.values():
        for digest in blobs:
            superseded.setdefault(digest, []).append(when)
    items = [*seen.clutter, *_models(wanted, seen)]
    for digest, blob in seen.blobs.items():
        if digest not in used:
            mark, file = seen.marks.get(blob.file.path), blob.file
            since = marked_since(mark, file.inode, file.size, superseded.get(digest, ()), now)
            items.append(Item(ORPHAN, file.path, since, (file,), digest))
    for digest, (blobs, when) in seen.past.items():
        path = os.path.join(wanted.paths.past, digest)
        found, relative = lstat(path), os.path.relpath(path, wanted.paths.root)
        files = (file_of(relative, found),) if found is not None else ()
        items.append(Item(PAST, relative, min(when, now), files, digest, blobs))
    return items


def _models(wanted: _Wanted, seen: _Seen) -> list[Item]:
    """Models in the store that are not declared, with the bytes of the blobs that only they name."""
    declared = {model.name.key for model in wanted.models if model.state != "absent"}
    there = [one for one in seen.references.manifests if one.path and one.display and one.key not in declared]
    if not wanted.models:
        return []
    users: dict[str, int] = {}
    for one in seen.references.manifests:
        for digest in one.blobs:
            users[digest] = users.get(digest, 0) + 1
    items = []
    for one in there:
        own = [seen.blobs[digest].file for digest in one.blobs if users[digest] == 1 and digest in seen.blobs]
        later = sum(file.bytes for file in own if file.links == 1)
        items.append(Item(MODEL, one.path, one.modified_at, (), one.digest, one.blobs, one.display, later))
    return items


def _marks(seen: _Seen, candidates: tuple[Candidate, ...], now: float) -> dict[str, Mark]:
    """The marks after the run: of every orphan that stays and whose time nothing else tells."""
    told = {digest for blobs, when in seen.past.values() if when <= now for digest in blobs}
    marks = {}
    for one in candidates:
        if one.item.kind != ORPHAN or one.action == REMOVE:
            continue
        file, old = one.item.files[0], seen.marks.get(one.item.path)
        same = old is not None and (old.inode, old.size) == (file.inode, file.size) and old.first_seen <= now
        if old is not None and same:
            marks[file.path] = old
        elif one.item.digest not in told:
            marks[file.path] = Mark(now, file.inode, file.size)
    return marks
