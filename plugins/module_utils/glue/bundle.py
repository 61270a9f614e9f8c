# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_bundle``: what both directions share, and writing a bundle."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.bundle_plan import EXPORT, export_plan, present_ones, require_exportable, require_room, row
from ..core.declared import BadInput, Declared, declared_models
from ..core.digests import sha256_bytes
from ..core.errors import CorralError
from ..core.progress import Progress, ProgressMeter
from ..core.store_needs import NONE, Held
from ..store.bundle_writing import Chosen, bundle_size, contents, index_of, write_bundle
from ..store.bundles import noted_index_digest, open_bundle
from ..store.files import lstat
from ..store.layout import StorePaths, store_at
from ..store.preparing import space
from ..store.reading import incomplete, model_names, stored_model
from ..store.throttle import Limits, Throttle
from .progress_file import ProgressFile
from .run import Work


@dataclass(frozen=True)
class Wanted:
    """What the parameters mean."""

    paths: StorePaths
    bundle: str
    models: tuple[Declared, ...]


def desired(params: Mapping[str, Any]) -> Wanted:
    paths, bundle = store_at(params["path"]), os.path.normpath(params["bundle"])
    if not os.path.isabs(bundle) or params["bundle"].endswith("/") or "\0" in bundle:
        raise BadInput(f"bundle is {bundle!a}, not the absolute path of a file.", remedy="Give one such as /srv/b.tar.")
    if bundle == paths.root or bundle.startswith(f"{paths.root}/"):
        raise BadInput(f"The bundle {bundle} would lie in the store itself.", remedy="Give a path outside the store.")
    if params["bytes_per_second"] < 0 or params["reserve_bytes"] < 0:
        raise BadInput("bytes_per_second or reserve_bytes is less than 0.", remedy="Give 0 for no limit.")
    return Wanted(paths, bundle, present_ones(declared_models(params["models"])))


class Reporter:
    """Told of every piece that was copied: holds back, writes the progress, and asks whether to go on."""

    def __init__(self, phase: str, total: int, params: Mapping[str, Any], check: Callable[[], None] | None = None):
        self._phase, self._total, self._check = phase, total, check
        self._throttle = Throttle(Limits(bytes_per_second=params["bytes_per_second"]))
        self._meter = ProgressMeter(os.path.basename(params["bundle"]))
        self._file = ProgressFile(params["progress_path"])
        self.bytes = 0

    def __call__(self, count: int) -> None:
        if self._check is not None:
            self._check()
        self._throttle.passed(count)
        self.bytes += count
        total = max(self._total, self.bytes)
        self._file.write(self._meter.update(self._phase, self.bytes, total, time.monotonic()))

    def done(self) -> None:
        self._file.write(Progress(self._meter.model, phase="done"), done=True)


def prepare_export(params: Mapping[str, Any]) -> Work:
    """The five steps of an export. It changes nothing in the store, and so needs no lease."""
    wanted = desired(params)
    models = _chosen(wanted)
    wanted_index, size = sha256_bytes(index_of(models)), bundle_size(models)
    found_index = _there(wanted.bundle)
    reason = _reason(wanted.bundle, found_index, wanted_index)
    if reason:
        _require_room(wanted.bundle, size)
    result = _result(wanted, models, wanted_index, size, bool(reason))
    plan = export_plan(wanted.bundle, reason, found_index, wanted_index)
    return Work(plan, result, lambda: _export(wanted, models, result, params))


def _chosen(wanted: Wanted) -> tuple[Chosen, ...]:
    every = wanted.models or tuple(Declared(name) for name in model_names(wanted.paths))
    if not every:
        raise BadInput(f"The store {wanted.paths.root} has no model to export.", remedy="Is it the right path?")
    stored = [(model, stored_model(wanted.paths, model.name)) for model in every]
    held = []
    for model, one in stored:
        lacking = incomplete(wanted.paths, one.manifest) if one and one.manifest else ()
        held.append((model, Held(True, one.manifest, lacking, one.problem) if one else Held()))
    require_exportable(held, wanted.paths.root)
    return tuple(Chosen(one.name, one.raw, one.manifest) for _model, one in stored if one and one.manifest)


def _there(bundle: str) -> str:
    """The index's digest of a bundle that is there already; refuses to write over anything that is none."""
    folder = os.path.dirname(bundle)
    if not os.path.isdir(folder):
        raise BadInput(f"{folder} is no directory on this host.", remedy="Make it first, or mount what belongs there.")
    try:
        with open_bundle(bundle) as there:
            return there.index_digest
    except CorralError as error:
        if error.kind == "no_bundle":
            return ""
        error.remedy = "It is not written over. Remove it after a look at it, or give another path."
        raise


def _reason(bundle: str, found: str, wanted: str) -> str:
    if not found:
        return "there is none"
    if found != wanted:
        return f"the one that is there holds something else (index {found[:12]})"
    try:
        noted = noted_index_digest(bundle)
    except CorralError:
        noted = ""
    return "" if noted == wanted else "the digests beside it are not its own"


def _require_room(bundle: str, size: int) -> None:
    folder = os.path.dirname(bundle)
    unfinished = lstat(f"{bundle}.partial")
    free = space(folder)["free_bytes"] + (unfinished.st_blocks * 512 if unfinished else 0)
    require_room(folder, bundle, size, free)


def _result(wanted: Wanted, models: Sequence[Chosen], index_digest: str, size: int, changed: bool) -> dict[str, Any]:
    action = EXPORT if changed else NONE
    return {
        "bundle": {"path": wanted.bundle, "bytes": size, "index_digest": index_digest, "file_digest": ""},
        "models": [row(model.name, model.manifest, action, "", model.manifest.digest) for model in models],
        "bytes_copied": sum(blob.size for blob in contents(models)) if changed else 0,
        "blobs_copied": len(contents(models)) if changed else 0,
    }


def _export(
    wanted: Wanted, models: Sequence[Chosen], result: Mapping[str, Any], params: Mapping[str, Any]
) -> Mapping[str, Any]:
    report = Reporter("exporting", result["bytes_copied"], params)
    written = write_bundle(wanted.paths, models, wanted.bundle, report)
    report.done()
    return {"bundle": {**result["bundle"], "bytes": written.size, "file_digest": written.file_digest}}
