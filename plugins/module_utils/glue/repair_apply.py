# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing a repair: the good copy first, then the bad file out of the way, then the good one in its place."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import CorralError
from ..core.findings import MAX_TOLD, Finding, by_kind, told_of
from ..core.manifests import Blob, parse_manifest
from ..core.progress import Progress, ProgressMeter
from ..core.receipts import Receipt
from ..core.repair_mark import RepairMark
from ..core.repair_report import incomplete, most_telling
from ..core.repair_tasks import FETCH, REMOVE, REMOVE_DIRECTORY, RENAME, RESTORE, SET_ASIDE, SET_MODE, Loss, Task
from ..store.downloads import Download
from ..store.layout import StorePaths
from ..store.lease import Heartbeat, LeaseFile
from ..store.receipts import ReceiptFile
from ..store.repairing import Repairer, enough_room
from .progress_file import ProgressFile
from .repair_sources import Source, first, staged_copy

_FATAL = ("lease_lost", "lease_busy", "bad_lease", "store_not_ready")


@dataclass(frozen=True)
class Repair:
    """A plan. ``losses``: what no source has. ``found``: everything that is not as it should be."""

    paths: StorePaths
    tasks: tuple[Task, ...]
    losses: tuple[Loss, ...]
    mark: RepairMark
    found: tuple[Finding, ...]
    bytes_damaged: int

    @property
    def served(self) -> tuple[Task, ...]:
        return tuple(task for task in self.tasks if task.served)

    @property
    def changes(self) -> bool:
        return bool(self.tasks) or self.mark.open


def result_of(repair: Repair, rows: Sequence[Mapping[str, Any]], losses: Sequence[Loss], now: float) -> dict[str, Any]:
    """What the module returns: planned rows in a check, done ones after a run."""
    done = {row["path"] for row in rows}
    served = [name for task in repair.served if task.shown in done for name in task.models]
    mark = repair.mark.ended(served, now) if served or repair.mark.open else repair.mark
    aside = [task.aside_path for task in repair.tasks if task.aside and task.shown in done]
    lost = {name for loss in losses for name in loss.models}
    every = lost.union(name for task in repair.tasks for name in task.models)
    return {
        "changed": bool(rows) or repair.mark.open,
        "ok": not losses,
        "found": told_of(repair.found),
        "found_by_kind": by_kind(repair.found),
        "repaired": most_telling(rows),
        "unrepaired": most_telling([loss.row() for loss in losses]),
        "quarantined": aside[:MAX_TOLD],
        "counts": {"repaired": len(rows), "unrepaired": len(losses), "quarantined": len(aside)},
        "bytes_damaged": repair.bytes_damaged,
        "bytes_fetched": sum(int(row["bytes_fetched"]) for row in rows),
        "models_affected": sorted(every),
        "repaired_at": mark.repaired_at,
        "repaired_ago": max(0.0, now - mark.repaired_at) if mark.repaired_at else 0.0,
        "repaired_models": [{"name": name, "at": at} for name, at in sorted(mark.models.items()) if name not in lost],
    }


def apply_repair(
    repair: Repair, sources: Sequence[Source], fresh: Sequence[Receipt], params: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Task by task; one that fails is a loss, and the others are done all the same."""
    ReceiptFile(repair.paths).append(fresh)
    if not repair.changes:
        return {"changed": False}
    lease, token = LeaseFile(repair.paths), params["lease_token"]
    with Heartbeat(lease, token) as beat:
        doing = _Doing(repair, sources, Repairer(repair.paths, lease, token), beat, params["progress_path"])
        result = doing.run()
    if repair.losses or doing.losses:
        losses = (*repair.losses, *doing.losses)
        if params["on_failure"] == "fail":
            facts = {key: value for key, value in result.items() if key != "changed"}
            raise incomplete(repair.paths.root, doing.rows, losses, **facts)
    return result


class _Doing:
    """One run through the tasks."""

    def __init__(
        self,
        repair: Repair,
        sources: Sequence[Source],
        repairer: Repairer,
        beat: Heartbeat,
        progress_path: str | None,
    ) -> None:
        self._repair, self._sources, self._repairer, self._beat = repair, sources, repairer, beat
        self._progress = ProgressFile(progress_path)
        self.rows: list[dict[str, Any]] = []
        self.losses: list[Loss] = []

    def run(self) -> dict[str, Any]:
        repair, mark = self._repair, self._repair.mark
        if repair.served or mark.open:
            # intent: a run that is killed after this has perhaps repaired, and every server will be asked to restart
            self._repairer.mark(mark.begun([name for task in repair.served for name in task.models], time.time()))
        for task in repair.tasks:
            self._beat.check()
            try:
                self.rows.append(task.row(**self._do(task)))
            except CorralError as error:
                if error.kind in _FATAL:
                    raise
                self.losses.append(task.lost(str(error)))
        self._progress.write(Progress("store", phase="done"), done=True)
        now, losses = time.time(), (*repair.losses, *self.losses)
        result = result_of(repair, self.rows, losses, now)
        if repair.served or mark.open:
            done = {row["path"] for row in self.rows}
            names = [name for task in repair.served if task.shown in done for name in task.models]
            self._repairer.mark(mark.ended(names, now) if names or mark.open else mark)
        return result

    def _do(self, task: Task) -> dict[str, Any]:
        simple = {
            RENAME: self._repairer.rename,
            SET_ASIDE: self._repairer.set_aside,
            SET_MODE: self._repairer.set_mode,
            REMOVE: self._repairer.remove,
            REMOVE_DIRECTORY: self._repairer.remove_directory,
        }
        if task.action in simple:
            simple[task.action](task)
        elif task.action == RESTORE:
            self._restore(task)
        elif task.action == FETCH and task.blob is not None:
            return self._fetch(task, task.blob)
        return {}

    def _restore(self, task: Task) -> None:
        lost = {loss.digest for loss in self.losses}
        for blob in parse_manifest(task.raw).blobs:
            if blob.digest in lost:
                raise CorralError(f"Its blob {blob.digest[:12]} could not be had.", kind="no_source")
        self._repairer.restore(task, task.names[0])

    def _fetch(self, task: Task, blob: Blob) -> dict[str, Any]:
        if task.source == "staging" and staged_copy(self._repair.paths, blob):
            self._repairer.place(task, self._repair.paths.staging.blob(blob.digest))
            return {}
        fetched = 0

        def ask(source: Source) -> str:
            nonlocal fetched
            staged, count = self._from(source, task, blob)
            fetched += count
            return staged

        labels = [source.label for source in self._sources]
        begin = labels.index(task.source) if task.source in labels else 0
        source, staged = first(self._sources[begin:], ask)
        self._repairer.place(task, staged)
        return {"source": source.label, "bytes_fetched": fetched}

    def _from(self, source: Source, task: Task, blob: Blob) -> tuple[str, int]:
        """(the whole copy in staging, bytes that came over the network). What was resumed and is wrong begins anew."""
        meter, name, fetched = ProgressMeter(task.models[0] if task.models else task.shown), blob.digest[:12], 0
        while True:
            with Download(self._repair.paths, blob) as download:
                resumed = download.resumed
                enough_room(self._repair.paths, blob.size - resumed)

                def on_bytes(_count: int, download: Download = download) -> None:
                    self._beat.check()
                    self._progress.write(
                        meter.update(f"fetching {name}", download.offset, blob.size, time.monotonic(), source.label)
                    )

                try:
                    fetched += source.copy(blob, task.names, download, on_bytes)
                    return download.finish(), fetched
                except CorralError as error:
                    if error.kind in ("no_space", "digest_mismatch"):
                        download.drop()
                    if error.kind != "digest_mismatch" or not resumed:
                        raise
