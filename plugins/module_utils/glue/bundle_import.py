# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store_bundle``, importing: every byte is verified in staging before the first model is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.bundle_plan import blobs_of, chosen_from, import_plan, import_row, import_task, require_index
from ..core.declared import Declared
from ..core.digests import parse_digest
from ..core.errors import CorralError
from ..core.publish_plan import PUBLISH, Task
from ..core.store_needs import Held, require_space
from ..store.bundle_staging import not_here, stage_blobs, stage_manifest
from ..store.bundles import Bundle, checksum_path, noted_index_digest, open_bundle
from ..store.layout import StorePaths
from ..store.lease import Heartbeat, LeaseFile
from ..store.preparing import space
from ..store.publish import Publisher
from ..store.reading import incomplete, stored_model
from ..store.staging import clear, leftovers
from ..store.verifier import Verifier
from .bundle import Reporter, Wanted, desired
from .progress_file import ProgressFile
from .publish_one import Tools, publish_staged
from .run import Work


def prepare_import(params: Mapping[str, Any]) -> Work:
    """The five steps of an import. No registry is asked, whatever the store lacks."""
    wanted = desired(params)
    warnings: list[str] = []
    with open_bundle(wanted.bundle) as bundle:
        _check_index(wanted, bundle, params, warnings)
        tasks = _tasks(wanted, bundle)
        index_digest, size = bundle.index_digest, bundle.size
    copied = not_here(wanted.paths, blobs_of(tasks).values())
    names = [task.model.name.display for task in tasks if task.action == PUBLISH]
    room = space(wanted.paths.root)["free_bytes"]
    require_space(wanted.paths.root, sum(blob.size for blob in copied), params["reserve_bytes"], room, names)
    tidy = leftovers(wanted.paths)
    result = {
        "bundle": {"path": wanted.bundle, "bytes": size, "index_digest": index_digest, "file_digest": ""},
        "models": [import_row(task) for task in tasks],
        "bytes_copied": sum(blob.size for blob in copied),
        "blobs_copied": len(copied),
    }
    plan = import_plan(tasks, tidy, warnings)
    return Work(plan, result, lambda: _apply(wanted, tasks, tidy, result, params))


def _check_index(wanted: Wanted, bundle: Bundle, params: Mapping[str, Any], warnings: list[str]) -> None:
    beside = checksum_path(wanted.bundle)
    if params["index_digest"]:
        require_index(wanted.bundle, bundle.index_digest, parse_digest(params["index_digest"]), "index_digest")
        return
    noted = noted_index_digest(wanted.bundle)
    if noted is not None:
        require_index(wanted.bundle, bundle.index_digest, noted, beside)
        return
    text = f"{beside} is missing, so nothing says whether {wanted.bundle} is the bundle that was exported."
    if params["require_digest"]:
        remedy = "Copy that file as well, or give index_digest."
        raise CorralError(text, kind="no_index_digest", remedy=remedy, path=beside)
    warnings.append(f"{text} Its blobs are hashed all the same.")


def _tasks(wanted: Wanted, bundle: Bundle) -> tuple[Task, ...]:
    manifests = {model.name: model.manifest for model in bundle.models()}
    chosen = chosen_from(manifests, wanted.models, wanted.bundle)
    return tuple(import_task(model, _held(wanted.paths, model), manifests[model.name]) for model in chosen)


def _held(paths: StorePaths, model: Declared) -> Held:
    stored = stored_model(paths, model.name)
    if stored is None:
        return Held()
    lacking = incomplete(paths, stored.manifest) if stored.manifest else ()
    return Held(True, stored.manifest, lacking, stored.problem)


def _apply(
    wanted: Wanted, tasks: Sequence[Task], tidy: Sequence[str], result: Mapping[str, Any], params: Mapping[str, Any]
) -> Mapping[str, Any]:
    lease, token = LeaseFile(wanted.paths), params["lease_token"]
    publishing = [task for task in tasks if task.action == PUBLISH]
    with Heartbeat(lease, token) as beat, Verifier(params["hash_threads"]) as verifier:
        publisher = Publisher(wanted.paths, lease, token, verifier)
        report = Reporter("copying", result["bytes_copied"], params, beat.check)
        publisher.sweep()
        clear(wanted.paths, tidy)
        with open_bundle(wanted.bundle) as bundle:
            require_index(wanted.bundle, bundle.index_digest, result["bundle"]["index_digest"], "the look before")
            copied = stage_blobs(wanted.paths, bundle, blobs_of(publishing).values(), verifier, report)
            models = {model.name: model for model in bundle.models()}
            tools = Tools(wanted.paths, publisher, verifier, beat, ProgressFile(params["progress_path"]), params)
            for index, task in enumerate(publishing):
                beat.check()
                try:
                    with lease.writing(token):
                        stage_manifest(wanted.paths, task.model.name, bundle.raw_manifest(models[task.model.name]))
                    publish_staged(tools, task.model)
                except CorralError as error:
                    # what was published before stays published, and is told
                    error.facts["published"] = [one.model.name.display for one in publishing[:index]]
                    raise
        report.done()
    return {"bytes_copied": report.bytes, "blobs_copied": len(copied)}
