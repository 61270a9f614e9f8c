# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be found in a damaged store. Worked out from what was broken, never from a look at the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.corral.ollama.tests.property.damage import BLOB, IN_ITS_PLACE, MANIFEST, Damage
from ansible_collections.corral.ollama.tests.property.stores import Contents, Model, blob_path

#: kind, path below the store, names of the models
Row = tuple[str, str, tuple[str, ...]]
HARMLESS = ("orphan", "partial", "stray")


def without_rights(what: Sequence[Damage]) -> list[Damage]:
    """What a look that was not told which rights to expect can see."""
    return [damage for damage in what if damage.kind != "mode"]


def rows(findings: Sequence[Mapping[str, Any]]) -> list[Row]:
    return sorted((one["kind"], one["path"], tuple(sorted(one["models"]))) for one in findings)


def readable(store: Contents, what: Sequence[Damage]) -> list[Model]:
    """The models whose manifests can still be read."""
    broken = {damage.target for damage in what if damage.where == "manifest" and damage.kind != "mode"}
    return [model for model in store.models if model.name not in broken]


def expected(store: Contents, what: Sequence[Damage]) -> list[Row]:
    """Every finding that a full look at the store must give, and no other one."""
    found: list[Row] = []
    for damage in what:
        if damage.where == "clutter":
            found.append((damage.kind, damage.target.rstrip("/"), ()))
        elif damage.where == "manifest":
            found.extend(_of_manifest(store, damage))
        else:
            found.extend(_of_blob(store, what, damage))
    gone = {damage.target for damage in what if damage.where == "blob" and damage.kind in ("missing", "old name")}
    for digest in store.parts:
        if digest not in gone and not _users(store, what, digest):
            found.append(("orphan", blob_path(digest), ()))
    return sorted(found)


def affected(store: Contents, what: Sequence[Damage]) -> set[str]:
    """The models that are not whole: their own manifest, or a blob that they name."""
    bad = {damage.target for damage in what if damage.where == "manifest"}
    for damage in what:
        if damage.where == "blob":
            bad.update(_users(store, what, damage.target))
    return bad


def _of_manifest(store: Contents, damage: Damage) -> list[Row]:
    (path,) = (model.path for model in store.models if model.name == damage.target)
    if damage.kind in MANIFEST:
        return [("bad_manifest", path, (damage.target,))]
    kind = IN_ITS_PLACE[damage.kind][0]
    return [(kind, path, () if kind == "stray" else (damage.target,))] if kind else []


def _of_blob(store: Contents, what: Sequence[Damage], damage: Damage) -> list[Row]:
    users, path = _users(store, what, damage.target), blob_path(damage.target)
    found: list[Row] = []
    if damage.kind == "old name":
        found.append(("bad_name", path.replace("-", ":"), ()))
    if users or damage.kind == "mode":
        found.append((BLOB[damage.kind][0], path, users))
    return found


def _users(store: Contents, what: Sequence[Damage], digest: str) -> tuple[str, ...]:
    return tuple(sorted(model.name for model in store.models if digest in _named(model, what)))


def _named(model: Model, what: Sequence[Damage]) -> set[str]:
    """The blobs that the model's manifest still names; one that is incomplete keeps those that are left in it."""
    for damage in what:
        if damage.where == "manifest" and damage.target == model.name and damage.kind != "mode":
            left = {"no layers": (model.config,), "no config": model.layers}.get(damage.kind, ())
            return {part.digest for part in left}
    return {part.digest for part in model.parts}
