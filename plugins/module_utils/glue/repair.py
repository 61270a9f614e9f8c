# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_repair``: what is damaged, where good copies are, and the plan that puts them in place."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..core.declared import BadInput, Declared, declared_models
from ..core.errors import CorralError
from ..core.findings import MAX_TOLD
from ..core.manifests import Manifest
from ..core.plans import Plan, Step
from ..core.progress import ProgressMeter
from ..core.receipts import Receipt
from ..core.repair_plan import BadBlob, BrokenManifest, Facts, bad_blobs, broken_manifests
from ..core.repair_report import as_found, incomplete
from ..core.repair_tasks import (
    Loss,
    Task,
    blob_loss,
    blob_task,
    in_order,
    manifest_aside,
    manifest_loss,
    manifest_task,
    mode_tasks,
    renamed_digests,
    rests,
    tidy_tasks,
    users,
)
from ..core.store_verdict import findings
from ..store.downloads import resumable
from ..store.hashing import Hashed
from ..store.known import known_manifest, past
from ..store.layout import StorePaths, store_at
from ..store.repair_look import bad_modes, contents, known_manifests, left_downloads, odd_entries
from ..store.repairing import read_mark
from ..store.scan import Expected, look
from .modes import octal_mode
from .progress_file import ProgressFile
from .repair_apply import Repair, apply_repair, result_of
from .repair_sources import Source, first, sources_from, staged_copy, unheard_of, usable
from .run import Work

MAX_WARNINGS = 20


@dataclass(frozen=True)
class _Wanted:
    """What the parameters mean."""

    paths: StorePaths
    models: tuple[Declared, ...]
    sources: tuple[Source, ...]
    expected: Expected


def prepare_repair(params: Mapping[str, Any]) -> Work:
    """The five steps of ``store_repair`` for its parameters."""
    wanted = _desired(params)
    facts, fresh = _actual(wanted, params)
    repair = _decide(wanted, facts)
    result = result_of(repair, [task.row() for task in repair.tasks], repair.losses, time.time())
    if not repair.changes and repair.losses and params["on_failure"] == "fail":
        raise incomplete(wanted.paths.root, (), repair.losses, **_facts(result))
    return Work(_plan(repair, fresh), result, lambda: apply_repair(repair, wanted.sources, fresh, params))


def _desired(params: Mapping[str, Any]) -> _Wanted:
    for option in ("threads", "bytes_per_second", "retries"):
        if params[option] < 0:
            raise BadInput(f"{option} is {params[option]}, less than 0.", remedy=f"Correct {option}.")
    modes = [octal_mode(option, params[option]) for option in ("file_mode", "directory_mode")]
    models = declared_models(params["models"])
    insecure = frozenset(model.name.key for model in models if model.insecure)
    sources = sources_from(params, insecure)
    return _Wanted(store_at(params["path"]), models, sources, Expected(None, modes[0], modes[1]))


def _actual(wanted: _Wanted, params: Mapping[str, Any]) -> tuple[Facts, tuple[Receipt, ...]]:
    paths = wanted.paths
    seen, expected = look(paths, wanted.expected), wanted.expected
    modes = bad_modes(paths, seen, expected.file_mode is None, expected.directory_mode is None)
    seen = replace(seen, others=(*seen.others, *modes))
    hashing = _Hashing(params["progress_path"], sum(blob.size for blob in seen.blobs.values()))
    found, fresh = contents(paths, seen, params["mode"] == "full", params["threads"], hashing.done)
    names = [model.name for model in seen.models if model.name] + [model.name for model in wanted.models]
    known = known_manifests(paths, names)
    return Facts(seen, found, odd_entries(paths), wanted.models, known), fresh


def _decide(wanted: _Wanted, facts: Facts) -> Repair:
    """Ask the sources for what is broken; what none of them has is a loss."""
    broken = tuple(_as_on_disk(wanted.paths, one) for one in broken_manifests(facts))
    restored, strays, losses = _manifests(wanted, broken)
    hurt = {one.path for one in broken}
    models = [(m.name, m.manifest) for m in facts.seen.models if m.name and m.manifest and m.path not in hurt]
    whole = [*models, *((one.name, manifest) for one, _raw, manifest, _label in restored)]
    needs = users(whole)
    tidy = tidy_tasks(facts, [one.path for one, *_rest in restored], needs)
    bad = tuple(one for one in bad_blobs(whole, facts) if one.blob.digest not in renamed_digests(tidy))
    blobs, lost = _blobs(wanted, bad)
    tasks: list[Task] = [*strays, *tidy, *blobs]
    for one, raw, manifest, label in restored:
        missing = {loss.digest for loss in lost} & {blob.digest for blob in manifest.blobs}
        if missing:
            losses.append(manifest_loss(one, f"Its blob {min(missing)[:12]} cannot be had."))
        else:
            tasks.append(manifest_task(one, raw, manifest, label))
    every = findings(facts.seen, facts.contents)
    tasks += mode_tasks(every, [path for task in tasks for path in (task.path, task.aside_path)])
    left = left_downloads(wanted.paths, {one.blob.digest for one in bad})
    facts = replace(facts, odds=(*facts.odds, *left))
    return Repair(
        wanted.paths,
        in_order((*tasks, *rests(left))),
        (*losses, *lost),
        read_mark(wanted.paths).of([*(m.display for m in facts.seen.models), *(one.name.display for one in broken)]),
        as_found(facts, every, broken),
        sum(one.blob.size for one in bad),
    )


def _as_on_disk(paths: StorePaths, broken: BrokenManifest) -> BrokenManifest:
    """A model that is gone may have left directories in another case; servers take them for the same."""
    if broken.occupied:
        return broken
    name = paths.existing(broken.name)
    return replace(broken, name=name, path="/".join(("manifests", *name.parts)))


def _manifests(
    wanted: _Wanted, broken: Sequence[BrokenManifest]
) -> tuple[list[tuple[BrokenManifest, bytes, Manifest, str]], list[Task], list[Loss]]:
    """Those that can be put back; those that are none, of models that nobody knows; and those that are lost."""
    restored, strays, losses = [], [], []
    declared = {model.name.key for model in wanted.models}
    for one in broken:
        try:
            raw, manifest, label = _manifest(wanted, one)
            restored.append((one, raw, manifest, label))
        except CorralError as error:
            if one.name.key in declared or one.expected or one.stored or not unheard_of(error):
                losses.append(manifest_loss(one, str(error)))
            else:
                strays.append(manifest_aside(one))
    return restored, strays, losses


def _manifest(wanted: _Wanted, broken: BrokenManifest) -> tuple[bytes, Manifest, str]:
    """The copy that was kept when it was published, else what the sources have."""
    paths, candidates = wanted.paths, []
    candidates.append(known_manifest(paths, paths.known.existing(broken.name)))
    if broken.expected:
        candidates.append(past(paths).get(broken.expected, (None, 0.0))[0])
    for raw in candidates:
        try:
            if raw is not None:
                return raw, usable(broken, raw), "known"
        except CorralError:
            continue

    def ask(source: Source) -> tuple[bytes, Manifest]:
        answer = source.manifest(broken)
        return answer, usable(broken, answer)

    source, (raw, manifest) = first(wanted.sources, ask)
    return raw, manifest, source.label


def _blobs(wanted: _Wanted, bad: Sequence[BadBlob]) -> tuple[list[Task], list[Loss]]:
    tasks, losses = [], []
    for one in bad:
        if staged_copy(wanted.paths, one.blob):
            tasks.append(blob_task(one, "staging", 0))
            continue
        try:
            source, count = first(wanted.sources, lambda source, one=one: source.check(one))  # type: ignore[misc]
            tasks.append(blob_task(one, source.label, max(0, count - resumable(wanted.paths, one.blob))))
        except CorralError as error:
            losses.append(blob_loss(one, str(error)))
    return tasks, losses


def _plan(repair: Repair, fresh: Sequence[Receipt]) -> Plan:
    """The steps, and those of a store full of rubbish as one that counts them."""
    told = sorted(repair.tasks, key=lambda task: not task.models)[:MAX_TOLD]
    steps = [Step(task.action, task.shown, task.source or task.message) for task in in_order(told)]
    if len(told) < len(repair.tasks):
        steps.append(Step("and_more", repair.paths.root, f"{len(repair.tasks) - len(told)} of them"))
    if repair.mark.open and not repair.served:
        steps.append(Step("close_mark", repair.paths.repair_mark, "a repair was begun and did not end"))
    if not steps and fresh:
        # a cache, and no change: what was read now need not be read again
        steps.append(Step("remember", repair.paths.receipts, f"{len(fresh)} blobs"))
    left = {loss.path: loss.kind for loss in repair.losses[:MAX_TOLD]}
    warnings = tuple(f"{loss.path} cannot be repaired: {loss.reason}" for loss in repair.losses[:MAX_WARNINGS])
    return Plan(
        tuple(steps), {"damaged": {**{task.shown: task.kind for task in told}, **left}}, {"damaged": left}, warnings
    )


def _facts(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if key != "changed"}


class _Hashing:
    """Tells how far the hashing is; several threads do it."""

    def __init__(self, path: str | None, total: int) -> None:
        self._file, self._total, self._done = ProgressFile(path), total, 0
        self._meter, self._lock = ProgressMeter("store"), threading.Lock()

    def done(self, hashed: Hashed) -> None:
        with self._lock:
            self._done += hashed.size
            self._file.write(self._meter.update("hashing", self._done, self._total, time.monotonic()))
