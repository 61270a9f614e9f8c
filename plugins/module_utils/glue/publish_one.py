# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One model through staging into the store: linked in, pulled, hashed while it is pulled, published, cleared away."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import wait
from dataclasses import dataclass
from typing import Any

from ..core.declared import Declared
from ..core.digests import InvalidDigest
from ..core.errors import CorralError
from ..core.manifests import Manifest
from ..core.progress import ProgressMeter
from ..core.publish_plan import Task, pin_error
from ..server.client import OllamaClient
from ..server.pull import pull_model
from ..server.pull_state import PullEvent, PullOutcome
from ..store.layout import StorePaths
from ..store.lease import Heartbeat
from ..store.publish import BadBlob, Publisher
from ..store.reading import StoredModel, has_blob, stored_model
from ..store.receipts import ReceiptFile
from ..store.staging import clear, clear_stuck, drop_bad, drop_manifest, leftovers, link_in, make_staging
from ..store.verifier import Verifier
from .progress_file import ProgressFile
from .pull_progress import PullReporter

_LOOK = 0.25


@dataclass(frozen=True)
class Tools:
    """What all models share in one run."""

    paths: StorePaths
    publisher: Publisher
    verifier: Verifier
    beat: Heartbeat
    progress: ProgressFile
    params: Mapping[str, Any]


def pull_and_publish(tools: Tools, task: Task) -> dict[str, Any]:
    """Pull into staging and publish. What hashes wrong is removed there and pulled once more."""
    make_staging(tools.paths)
    clear_stuck(tools.paths)
    if task.target:
        link_in(tools.paths, task.target.blobs, tools.verifier)
    retries: list[dict[str, Any]] = []
    seconds_pull, fetched = 0.0, 0
    for attempt in (1, 2):
        begun = time.monotonic()
        outcome = _pull(tools, task)
        retries += [retry.as_dict() for retry in outcome.retries]
        pulled = time.monotonic()
        seconds_pull += pulled - begun
        _raw, manifest = _staged(tools, task.model)
        fetched += outcome.fetched_of(manifest.total_size)
        try:
            result = publish_staged(tools, task.model)
        except BadBlob as error:
            _drop(tools, task.model, error, attempt, retries)
            continue
        return {
            **result,
            "bytes_fetched": fetched,
            "seconds_pull": round(seconds_pull, 3),
            "seconds_hash": round(time.monotonic() - pulled, 3),
            "retries": retries,
        }
    raise CorralError(f"{task.model.name.display} could not be pulled.")


def publish_staged(tools: Tools, model: Declared) -> dict[str, Any]:
    """Publish what lies in staging; raises ``digest_mismatch`` for another digest than the pinned one."""
    staged, manifest = _staged(tools, model)
    _wait_for_hashes(tools, model.name.display, manifest)
    before = stored_model(tools.paths, model.name)
    whole = before is not None and before.manifest is not None
    whole = whole and all(has_blob(tools.paths, blob) for blob in manifest.blobs)
    published = tools.publisher.publish(model.name, staged, manifest)
    clear(tools.paths, leftovers(tools.paths))
    write_receipts(tools, manifest)
    return {
        "digest": manifest.digest,
        "changed": not (whole and before is not None and before.digest == manifest.digest),
        "bytes_total": manifest.total_size,
        "layers_reused": len(published.reused),
        "layers_fetched": len(published.placed),
    }


def write_receipts(tools: Tools, manifest: Manifest) -> None:
    """After staging was cleared: the links that lay there changed the files' change times."""
    found = (tools.verifier.receipt(tools.paths.blob(blob.digest), blob) for blob in manifest.blobs)
    ReceiptFile(tools.paths).append(receipt for receipt in found if receipt is not None)


def _staged(tools: Tools, model: Declared) -> tuple[StoredModel, Manifest]:
    staged = stored_model(tools.paths.staging, model.name)
    if staged is None or staged.manifest is None:
        problem = staged.problem if staged else "it has no manifest there"
        raise CorralError(
            f"{model.name.display} is not usable in staging ({tools.paths.staging.root}): {problem}",
            kind="not_staged" if staged is None else "bad_manifest",
            remedy="Is OLLAMA_MODELS of the puller that directory, and does the registry serve a whole model?",
            model=model.name.display,
        )
    if model.digest and staged.manifest.digest != model.digest:
        drop_manifest(tools.paths, model.name)
        raise pin_error(model, staged.manifest.digest)
    return staged, staged.manifest


def _pull(tools: Tools, task: Task) -> PullOutcome:
    name, params = task.model.name.display, tools.params
    reporter = PullReporter(name, tools.progress, task.target.total_size if task.target else 0)
    early = _EarlyHashing(tools, task.target)

    def on_event(event: PullEvent) -> None:
        reporter.on_event(event)
        early.on_event(event)

    return pull_model(
        OllamaClient(params["puller_url"], params["timeout"]),
        name,
        insecure=task.model.insecure,
        stall_timeout=params["stall_timeout"],
        retries=params["retries"],
        backoff=params["backoff"],
        on_event=on_event,
        on_retry=reporter.on_retry,
        cancel=tools.beat.check,
    )


class _EarlyHashing:
    """Starts to hash a staged blob as soon as it has its final name: then its download has ended."""

    def __init__(self, tools: Tools, target: Manifest | None) -> None:
        self._tools = tools
        self._open = {blob.digest for blob in target.blobs} if target else set()
        self._last = ""

    def on_event(self, event: PullEvent) -> None:
        if event.digest:
            self._open.add(event.digest)
        if event.digest != self._last:
            self._last = event.digest
            for digest in tuple(self._open):
                self._try(digest)

    def _try(self, digest: str) -> None:
        try:
            path = self._tools.paths.staging.blob(digest)
        except InvalidDigest:
            # the stream's digest is the server's word, and becomes a path only if it is one
            self._open.discard(digest)
            return
        if self._tools.verifier.start(path) is not None:
            self._open.discard(digest)


def _wait_for_hashes(tools: Tools, name: str, manifest: Manifest) -> None:
    """Show how far the hashing is, and notice a lost lease, until every staged blob is hashed."""
    futures = [tools.verifier.start(tools.paths.staging.blob(blob.digest)) for blob in manifest.blobs]
    open_ones = {future for future in futures if future is not None}
    meter, before = ProgressMeter(name), tools.verifier.bytes_hashed
    while open_ones:
        open_ones = wait(open_ones, _LOOK).not_done
        tools.beat.check()
        done = min(tools.verifier.bytes_hashed - before, manifest.total_size) if open_ones else manifest.total_size
        tools.progress.write(meter.update("hashing", done, manifest.total_size, time.monotonic()))
    tools.progress.write(meter.update("publishing", 0, 0, time.monotonic()))


def _drop(tools: Tools, model: Declared, error: BadBlob, attempt: int, retries: list[dict[str, Any]]) -> None:
    digest = str(error.facts["digest"])
    drop_bad(tools.paths, digest)
    retries.append({"attempt": attempt, "kind": error.kind, "message": error.message, "seconds": 0.0, "wait": 0.0})
    if attempt == 2:
        drop_manifest(tools.paths, model.name)
        error.facts["retries"] = retries
        raise error
