# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``digest_check``: look at a store, hash it if asked, and say what is wrong with which model."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.declared import BadInput, Declared, declared_models
from ..core.errors import CorralError
from ..core.findings import Finding, by_kind, told_of
from ..core.plans import Plan
from ..core.store_verdict import Content, Seen, SeenModel, blobs_to_hash, findings, model_verdicts, told
from ..store.hashing import hash_files
from ..store.layout import StorePaths, store_at
from ..store.scan import Expected, look
from .modes import octal_mode
from .run import Work


@dataclass(frozen=True)
class _Wanted:
    """What the parameters mean."""

    paths: StorePaths
    full: bool
    models: tuple[Declared, ...]
    threads: int
    expected: Expected


def prepare_check(params: Mapping[str, Any]) -> Work:
    """The report; there is nothing to apply. Raises ``store_damaged`` unless ``on_damage`` says report."""
    wanted = _desired(params)
    begun = time.monotonic()
    seen = look(wanted.paths, wanted.expected)
    selected = _selected(seen, wanted.models)
    contents, stats = _contents(wanted, seen, selected if wanted.models else None)
    found = findings(seen, contents)
    if wanted.models:
        names = {model.display for model in selected}
        found = tuple(finding for finding in found if names & set(finding.models))
    found = (*_absent_or_other(wanted, seen), *found)
    ok = not any(finding.damage for finding in found)
    seconds = time.monotonic() - begun
    result = {
        "ok": ok,
        "findings": told_of(found),
        "findings_by_kind": by_kind(found),
        "models": model_verdicts(selected, found),
        "stats": {"models": len(selected), **stats, "seconds": round(seconds, 3)},
    }
    if not ok and params["on_damage"] == "fail":
        raise CorralError(
            told(wanted.paths.root, found),
            kind="store_damaged",
            remedy="Run the playbook corral.ollama.repair: it fetches again what is damaged, and nothing else.",
            path=wanted.paths.root,
            **result,
        )
    return Work(Plan(), result)


def _desired(params: Mapping[str, Any]) -> _Wanted:
    if not 0 <= params["threads"] <= 1024:
        raise BadInput(f"threads is {params['threads']}, not 0 to 1024.", remedy="Use 0 for one per processor.")
    expected = Expected(
        _uid(params["expect_owner"]),
        octal_mode("expect_file_mode", params["expect_file_mode"]),
        octal_mode("expect_directory_mode", params["expect_directory_mode"]),
    )
    full = params["mode"] == "full"
    return _Wanted(store_at(params["path"]), full, declared_models(params["models"]), params["threads"], expected)


def _selected(seen: Seen, models: Sequence[Declared]) -> tuple[SeenModel, ...]:
    keys = {model.name.key for model in models}
    return tuple(model for model in seen.models if model.name and (not keys or model.name.key in keys))


def _contents(
    wanted: _Wanted, seen: Seen, selected: Sequence[SeenModel] | None
) -> tuple[dict[str, Content], dict[str, Any]]:
    if not wanted.full:
        return {}, {"blobs": len(seen.blobs), "bytes_hashed": 0, "bytes_per_second": 0, "seconds_hashing": 0.0}
    begun = time.monotonic()
    blobs = {wanted.paths.blob(blob.digest): blob for blob in blobs_to_hash(seen, selected)}
    hashed = hash_files(((path, blob.size) for path, blob in blobs.items()), wanted.threads)
    seconds = time.monotonic() - begun
    size = sum(one.size for one in hashed)
    return {blobs[one.path].digest: Content(one.digest, one.problem) for one in hashed}, {
        "blobs": len(blobs),
        "bytes_hashed": size,
        "bytes_per_second": int(size / seconds) if seconds else 0,
        "seconds_hashing": round(seconds, 3),
    }


def _absent_or_other(wanted: _Wanted, seen: Seen) -> tuple[Finding, ...]:
    """Declared models that are not there, or are there with another digest than the one they are pinned to."""
    stored = {model.name.key: model for model in seen.models if model.name}
    found = []
    for declared in wanted.models:
        model, name = stored.get(declared.name.key), declared.name.display
        path = os.path.relpath(wanted.paths.manifest(declared.name), wanted.paths.root)
        if model is None and declared.state != "absent":
            found.append(Finding("missing", path, f"{name} has no manifest in the store.", models=(name,)))
        elif model and model.manifest and declared.digest and model.manifest.digest != declared.digest:
            digest = model.manifest.digest
            text = f"{name} has the digest {digest[:12]}, not {declared.digest[:12]} as declared."
            found.append(Finding("wrong_hash", model.path, text, digest, (model.display,), declared.digest, digest))
    return tuple(found)


def _uid(text: str | None) -> int | None:
    if not text:
        return None
    if text.isdecimal():
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise BadInput(
            f"expect_owner is {text!a}, which is no user of this host.", remedy="Give a name or uid."
        ) from None
