# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning for real: marks first, then one removal after another, and what came of each."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import CorralError
from ..core.names import from_parts
from ..core.prune_marks import Mark
from ..core.prune_plan import KEEP, MODEL, ORPHAN, REMOVE, Candidate
from ..core.prune_report import prune_result
from ..store.layout import StorePaths
from ..store.lease import Heartbeat, LeaseFile
from ..store.preparing import space
from ..store.pruning import Pruner
from ..store.publish import Publisher
from ..store.references import ReferenceReader
from ..store.verifier import Verifier

_AT_ONCE = 1000


@dataclass(frozen=True)
class Tools:
    """The store, what reads its manifests, and the token of its lease."""

    paths: StorePaths
    reader: ReferenceReader
    token: str


def apply_prune(
    tools: Tools, candidates: Sequence[Candidate], before: Mapping[str, Mark], after: Mapping[str, Mark]
) -> Mapping[str, Any]:
    """``before`` and ``after``: the marks that are there and those that stay. Returns the result of the module."""
    lease = LeaseFile(tools.paths)
    # what goes keeps its mark until it is gone: a run that is killed is to be finished, not to wait anew
    until = {**{one.item.path: before[one.item.path] for one in candidates if one.item.path in before}, **after}
    done: list[Candidate] = []
    freed = 0
    with Heartbeat(lease, tools.token) as beat, Verifier(1) as verifier:
        publisher = Publisher(tools.paths, lease, tools.token, verifier)
        pruner = Pruner(tools.paths, lease, tools.token, tools.reader)
        if until != before:
            pruner.write_marks(until)
        while len(done) < len(candidates):
            beat.check()
            try:
                size, judged = _next(publisher, pruner, candidates, len(done))
            except CorralError as error:
                # what was removed before stays removed, and is told
                error.facts.update(prune_result([*done, *candidates[len(done) :]], 0, freed))
                raise
            freed += size
            done += judged
        pruner.settle()
        if until != after:
            pruner.write_marks(after)
    return prune_result(done, space(tools.paths.root)["free_bytes"], freed)


def _next(
    publisher: Publisher, pruner: Pruner, candidates: Sequence[Candidate], start: int
) -> tuple[int, list[Candidate]]:
    """Deal with the candidate at ``start``, or with it and some of the orphans after it: the bytes, and what became."""
    one = candidates[start]
    if one.action != REMOVE:
        return 0, [one]
    if one.item.kind == MODEL:
        publisher.remove(from_parts(one.item.path.split(os.sep)[1:]))
        return 0, [one]
    if one.item.kind != ORPHAN:
        return pruner.remove(one.item), [one]
    run: list[Candidate] = []
    for other in candidates[start : start + _AT_ONCE]:
        if (other.item.kind, other.action) != (ORPHAN, REMOVE):
            break
        run.append(other)
    answers = pruner.remove_blobs([other.item for other in run])
    judged = [
        replace(other, action=KEEP, why=kept, bytes=0) if kept else other for other, (_size, kept) in zip(run, answers)
    ]
    return sum(size for size, _kept in answers), judged
