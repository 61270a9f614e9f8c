# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a merge will do, as far as names and sizes tell, and what it has done: rows and bytes."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.merge import (
    LACKING,
    PUBLISH,
    STORE,
    Decision,
    Model,
    conflict_row,
    decide,
    lacking_row,
    model_row,
    space_row,
)
from ..core.plans import Step
from ..store.carrying import COPY, KEEP, LINK, REFLINK
from ..store.files import lstat
from ..store.inventory import Inventory, usage_of
from ..store.layout import StorePaths
from ..store.merge_known import Known
from ..store.merging import needed
from ..store.tidying import REMOVE_PARTIAL


@dataclass(frozen=True)
class Merge:
    """What all of a merge is about. ``sources``: the numbers of the trees that were named."""

    paths: StorePaths
    trees: Sequence[Inventory]
    sources: tuple[int, ...]
    policy: str
    known: Known
    aside: Mapping[tuple[int, int], int] = field(default_factory=dict)

    def measured(self) -> int:
        """Bytes that the store takes, what was set aside included."""
        return sum(usage_of(self.paths.blobs, self.paths.manifests, self.paths.quarantine).values())

    def before(self, *numbers: int) -> int:
        """Bytes that these trees took, the store's with what had been set aside in earlier runs."""
        every: dict[tuple[int, int], int] = {}
        for number in numbers:
            every.update(self.trees[number].usage)
            every.update(self.aside if number == STORE else {})
        return sum(every.values())

    def known_sizes(self, models: Sequence[Model]) -> list[int]:
        """The sizes of the blobs that are to be read."""
        return [blob.size for blob in needed([decide(one, self.known.trouble) for one in models], self.known)]


@dataclass(frozen=True)
class Forecast:
    """``unread``: blobs that are not verified yet, by what will be done with them."""

    decisions: Sequence[Decision]
    publish: Sequence[Mapping[str, Any]]
    models_before: Mapping[str, str]
    unread: Mapping[str, list[int]] = field(default_factory=dict)
    after_bytes: int = 0

    @property
    def placed(self) -> dict[str, int]:
        return {LINK: sum(self.unread.get(LINK, [])), REFLINK: 0, COPY: self.carried}

    @property
    def carried(self) -> int:
        """Bytes that may have to be written: file systems that clone do not say so beforehand."""
        return sum(self.unread.get(COPY, []))

    def blob_steps(self) -> Iterator[tuple[str, list[int]]]:
        for method, action in ((KEEP, "verify_blobs"), (LINK, "link_blobs"), (COPY, "copy_blobs")):
            yield action, self.unread.get(method, [])


def forecast(merge: Merge, models: Sequence[Model], tidy_steps: Sequence[Step]) -> Forecast:
    decisions = [decide(model, merge.known.trouble) for model in models]
    names = [tree.name for tree in merge.trees]
    publish = [model_row(one, names) for one in decisions if one.action == PUBLISH]
    unread: dict[str, list[int]] = {}
    after = merge.measured()
    for blob in needed(decisions, merge.known):
        job = next(merge.known.jobs(blob))
        unread.setdefault(job.method, []).append(blob.size)
        after += _blocks(job.path) if job.method != KEEP else 0
    for one in decisions:
        if one.copy is not None and one.action == PUBLISH:
            after += _blocks(merge.trees[one.copy.tree].tree.manifest(one.copy.name))
            after -= _blocks(merge.paths.manifest(merge.paths.existing(one.copy.name)))
    gone = (step.target for step in tidy_steps if step.action == REMOVE_PARTIAL)
    after -= sum(_blocks(os.path.join(merge.paths.root, target)) for target in gone)
    before = {model.display: model.manifest.digest for model in merge.trees[STORE].seen.models if model.manifest}
    return Forecast(decisions, publish, before, unread, after)


def report(
    merge: Merge, decisions: Sequence[Decision], placed: Mapping[str, int], after: int, verified: bool
) -> dict[str, Any]:
    """The result of the module, the same before and after. ``placed``: bytes by how they came into the store."""
    names = [tree.name for tree in merge.trees]
    before = merge.before(*range(len(merge.trees)))
    return {
        "sources": [_source_row(merge, number) for number in merge.sources],
        "models": [model_row(decision, names) for decision in decisions],
        "conflicts": [conflict_row(one, names, merge.policy) for one in decisions if one.model.in_conflict],
        "lacking": [lacking_row(one, names) for one in decisions if one.action == LACKING],
        "space": space_row(before, after, placed[LINK], placed[REFLINK], placed[COPY]),
        "per_source": [
            {
                "name": merge.trees[number].name,
                "before_bytes": merge.before(number),
                "after_bytes": after if number == STORE else 0,
            }
            for number in merge.sources
        ],
        "verified": verified,
    }


def _source_row(merge: Merge, number: int) -> dict[str, Any]:
    tree = merge.trees[number]
    sizes = {digest: blob.size for digest, blob in tree.seen.blobs.items() if not blob.problem}
    elsewhere = Counter(digest for other in merge.trees if other is not tree for digest in other.seen.blobs)
    return {
        "name": tree.name,
        "path": tree.tree.root,
        "in_place": number == STORE,
        "models": sorted(model.display for model in tree.seen.models if model.manifest and not model.kind),
        "blobs": len(sizes),
        "bytes": sum(sizes.values()),
        "unique_bytes": sum(size for digest, size in sizes.items() if digest not in elsewhere),
        "partials": len(tree.partials),
        "partial_bytes": sum(tree.partials.values()),
        "damaged": merge.known.damaged(number),
    }


def _blocks(path: str) -> int:
    found = lstat(path)
    return found.st_blocks * 512 if found is not None else 0
