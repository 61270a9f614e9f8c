# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing a fetch: blob by blob into the store, each seen when it has hashed right; then the models that are whole."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.distribution import Part
from ..core.errors import CorralError
from ..core.fetch_plan import FetchTask, wanted_of, with_whole
from ..core.findings import MAX_TOLD
from ..core.manifests import Blob
from ..core.progress import Progress, ProgressMeter
from ..core.publish_plan import PUBLISH
from ..core.windows import Window
from ..registry.peers import PeerClient
from ..store.bundle_staging import forget_pull, stage_manifest
from ..store.files import fsync_dir, fsync_file, os_errors
from ..store.layout import StorePaths
from ..store.lease import Heartbeat, LeaseFile
from ..store.pieces import PieceFile
from ..store.placing import place_file
from ..store.publish import Publisher
from ..store.reading import has_blob
from ..store.receipts import ReceiptFile
from ..store.staging import clear
from ..store.throttle import Limits, Throttle
from ..store.verifier import Verifier
from .fetch_blob import BlobFetch, FetchedBlob, Shared
from .fetch_sources import UPSTREAM, FromPeer, FromUpstream, Roster, Source
from .progress_file import ProgressFile
from .publish_one import Tools, publish_staged
from .repair_sources import staged_copy

_FATAL = ("lease_lost", "lease_busy", "bad_lease", "store_not_ready", "no_space", "read_only_store", "io_error")
WINDOW = "window"


class WindowClosed(CorralError):
    """The time in which bytes may be fetched is over; what came so far is kept."""

    kind = "window_closed"


@dataclass(frozen=True)
class Fetching:
    """A plan, and who takes part in it."""

    paths: StorePaths
    tasks: tuple[FetchTask, ...]
    parts: tuple[Part, ...]
    peers: Mapping[str, PeerClient]
    upstream: FromUpstream
    roster: Roster
    window: Window | None
    tidy: Sequence[str] = ()

    def result(
        self, missing: Sequence[Part] = (), rows: Sequence[Mapping[str, Any]] = (), problems: Sequence[str] = ()
    ) -> dict[str, Any]:
        """``missing``: the parts that are not in the store (yet)."""
        return {
            "models": [task.row() for task in self.tasks],
            "blobs": list(rows[:MAX_TOLD]),
            "bytes_from_peers": sum(row["bytes_from_peers"] for row in rows),
            "bytes_from_upstream": sum(row["bytes_from_upstream"] for row in rows),
            "missing": [part.digest for part in missing],
            "bytes_missing": sum(part.size for part in missing),
            "bad_peers": self.roster.told(),
            "problems": list(problems[:MAX_TOLD]),
            "stopped_by": "",
        }


def apply_fetch(fetching: Fetching, params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Blob by blob; one that cannot be had is told, and the others are fetched all the same."""
    lease, token = LeaseFile(fetching.paths), params["lease_token"]
    with Heartbeat(lease, token) as beat, Verifier() as verifier:
        doing = _Doing(fetching, params, lease, beat, verifier)
        result = doing.run()
    if params["on_failure"] == "fail" and (doing.problems or result["stopped_by"]):
        facts = {key: value for key, value in result.items() if key != "changed"}
        remedy = "Run it again: what came is kept."
        raise CorralError(" ".join(doing.problems[:3]), kind=doing.kind, remedy=remedy, **facts)
    return result


@dataclass
class _Doing:
    """One run through the parts."""

    fetching: Fetching
    params: Mapping[str, Any]
    lease: LeaseFile
    beat: Heartbeat
    verifier: Verifier
    rows: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    kind: str = ""

    def __post_init__(self) -> None:
        params, fetching = self.params, self.fetching
        self._throttle = Throttle(Limits(bytes_per_second=params["bytes_per_second"]))
        self._progress = ProgressFile(params["progress_path"])
        self._meter, self._lock = ProgressMeter("store"), threading.Lock()
        self._bytes = self._total = 0
        sources: dict[str, Source] = {name: FromPeer(peer) for name, peer in fetching.peers.items()}
        sources[UPSTREAM] = fetching.upstream
        self._shared = Shared(
            fetching.paths, sources, fetching.roster, params["connections"], self._check, self._passed
        )
        for task in fetching.tasks:
            for blob in wanted_of(task):
                fetching.upstream.names.setdefault(blob.digest, []).append(task.model.name)

    def run(self) -> dict[str, Any]:
        fetching, token = self.fetching, self.params["lease_token"]
        publisher = Publisher(fetching.paths, self.lease, token, self.verifier)
        publisher.sweep()
        clear(fetching.paths, fetching.tidy)
        parts = [*fetching.parts, *self._damaged()]
        self._total, stopped, done = sum(part.size for part in parts), "", set()
        for part in parts:
            try:
                self._check()
                self.rows.append(self._one(part).row())
                done.add(part.digest)
            except WindowClosed as error:
                self._problem(error)
                stopped = WINDOW
                break
            except CorralError as error:
                if error.kind in _FATAL:
                    raise
                self._problem(error)
        tasks = self._publish(publisher)
        self._progress.write(Progress("store", phase="done"), done=True)
        result = Fetching(fetching.paths, tasks, (), {}, fetching.upstream, fetching.roster, None).result(
            [part for part in parts if part.digest not in done], self.rows, self.problems
        )
        changed = bool(fetching.tidy or self.rows) or any(task.action == PUBLISH for task in tasks)
        return {**result, "stopped_by": stopped, "changed": changed}

    def _problem(self, error: CorralError) -> None:
        self.kind = self.kind or error.kind
        self.problems.append(str(error))

    def _damaged(self) -> list[Part]:
        """What is there in its size and not what its name says is fetched anew."""
        paths, receipts = self.fetching.paths, ReceiptFile(self.fetching.paths).load()
        taken = {part.digest for part in self.fetching.parts}
        whole = [task for task in self.fetching.tasks if task.action == PUBLISH]
        blobs = {blob.digest: blob for task in whole for blob in wanted_of(task) if blob.digest not in taken}
        for blob in blobs.values():
            if not self.verifier.believe(paths.blob(blob.digest), receipts.get(blob.digest)):
                self.verifier.start(paths.blob(blob.digest))
        bad = [blob for blob in blobs.values() if self.verifier.problem(paths.blob(blob.digest), blob)]
        return [Part(blob.digest, blob.size, tuple(self.fetching.peers)) for blob in bad]

    def _one(self, part: Part) -> FetchedBlob:
        paths, blob = self.fetching.paths, Blob(part.digest, part.size)
        if staged_copy(paths, blob):
            # a pull, or an import, that was ended before it published
            staged = paths.staging.blob(blob.digest)
            with os_errors("sync", staged):
                os.chmod(staged, 0o644)
                fsync_file(staged)
            self._place(staged, blob)
            return FetchedBlob(blob, resumed=blob.size)
        with PieceFile(paths, blob) as file:
            upstream = self.params["fallback"] or not (part.peers or part.spares)
            self._bytes += file.resumed
            got = BlobFetch(self._shared, part, file).run(upstream)
            self.verifier.know(got.hashed)
            self._place(file.path, blob)
            file.drop_journal()
        forget_pull(paths, blob)
        return got

    def _place(self, path: str, blob: Blob) -> None:
        """From here on everybody sees it."""
        paths = self.fetching.paths
        with self.lease.writing(self.params["lease_token"]), os_errors("publish in", paths.root):
            place_file(paths, path, blob.digest)
            fsync_dir(paths.blobs)
        receipt = self.verifier.receipt(paths.blob(blob.digest), blob)
        ReceiptFile(paths).append([receipt] if receipt is not None else [])

    def _publish(self, publisher: Publisher) -> tuple[FetchTask, ...]:
        paths, fetching = self.fetching.paths, self.fetching
        there = {blob.digest for task in fetching.tasks for blob in wanted_of(task) if has_blob(paths, blob)}
        tasks = with_whole(fetching.tasks, there)
        tools = Tools(paths, publisher, self.verifier, self.beat, self._progress, self.params)
        for task in tasks:
            if task.action == PUBLISH:
                self.beat.check()
                with self.lease.writing(self.params["lease_token"]):
                    stage_manifest(paths, task.model.name, task.raw)
                publish_staged(tools, task.model)
        return tasks

    def _check(self) -> None:
        self.beat.check()
        window, now = self.fetching.window, time.localtime()
        if window is not None and not window.open_at(now.tm_hour * 60 + now.tm_min):
            raise WindowClosed(
                f"It is {now.tm_hour:02}:{now.tm_min:02} on this host, outside of {window.text}.",
                remedy="Run it again then: what came so far is kept.",
            )

    def _passed(self, count: int) -> None:
        self._throttle.passed(count)
        with self._lock:
            self._bytes += count
            total = max(self._total, self._bytes)
            self._progress.write(self._meter.update("fetching", self._bytes, total, time.monotonic()))
