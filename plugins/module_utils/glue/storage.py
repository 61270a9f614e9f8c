# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``storage_info``: a look at the whole store that reads no blob, and at the data of its instances."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ..core.declared import BadInput
from ..core.storage import BlobUse, Found, storage_report
from ..store.clutter import blobs_and_clutter, leftovers_of_writers, set_aside_items, staged, tree_bytes
from ..store.files import NotAFile, read_plain
from ..store.layout import StorePaths, store_at
from ..store.preparing import space
from ..store.references import ReferenceReader
from ..store.trees import require_tree

_LIMIT = 64 * 1024 * 1024
#: Of the last scrub: what people want to know of it; the findings themselves stay on the host.
_OF_SCRUB = (
    *("mode", "started_at", "ended_at", "ok", "complete", "stopped_by", "findings_by_kind", "models_affected"),
    *("coverage", "last_full_at"),
)


def storage_info(params: Mapping[str, Any]) -> dict[str, Any]:
    """The result of ``storage_info``: ``storage`` and ``scrub``."""
    paths, now = store_at(params["path"]), time.time()
    if params["quarantine_age"] < 0:
        raise BadInput(f"quarantine_age is {params['quarantine_age']}, less than 0.", remedy="Give seconds, or 0.")
    require_tree(paths)
    blobs, clutter = blobs_and_clutter(paths, now)
    references = ReferenceReader(paths).read()
    lacking = references.blobs - frozenset(blobs)
    rest = (*clutter, *staged(paths, now), *leftovers_of_writers(paths, now), *set_aside_items(paths, lacking))
    size, complete = tree_bytes(paths.root)
    data = {str(entry["name"]): tree_bytes(store_at(entry["path"]).root) for entry in params["data_paths"]}
    found = Found(
        size,
        {digest: BlobUse(blob.file.inode, blob.file.bytes) for digest, blob in blobs.items()},
        references,
        rest,
        {name: taken for name, (taken, _whole) in data.items()},
        complete and all(whole for _taken, whole in data.values()),
    )
    storage = {**storage_report(found, now, params["quarantine_age"]), **space(paths.root)}
    return {"storage": storage, "scrub": last_scrub(paths)}


def last_scrub(paths: StorePaths) -> dict[str, Any]:
    """What the last scrub found, in short; empty when there was none, or its file is not readable."""
    try:
        raw = read_plain(paths.scrub_result, _LIMIT)
        told = json.loads(raw) if len(raw) <= _LIMIT else None
    except (OSError, NotAFile, ValueError, RecursionError):
        return {}
    told = told.get("scrub", told) if isinstance(told, dict) else {}
    return {key: told[key] for key in _OF_SCRUB if key in told} if isinstance(told, dict) else {}
