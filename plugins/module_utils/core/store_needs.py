# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store lacks of the declared models: pure functions over what was read from it and asked of registries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .declared import Declared
from .errors import CorralError
from .manifests import Blob, Manifest
from .units import human_bytes

NONE, PULL, REMOVE = "none", "pull", "remove"


@dataclass(frozen=True)
class Held:
    """What a store has of a model: nothing (``present`` false), or a manifest (None: damaged, see ``problem``).

    ``lacking``: blobs that are missing or have another size than the manifest says.
    """

    present: bool = False
    manifest: Manifest | None = None
    lacking: tuple[Blob, ...] = ()
    problem: str = ""

    @property
    def digest(self) -> str:
        return self.manifest.digest if self.manifest else ""

    @property
    def complete(self) -> bool:
        return self.manifest is not None and not self.lacking


@dataclass(frozen=True)
class Need:
    """What one model needs: an action, why, and the manifest it is about (the registry's where that was asked).

    ``problem``: why nothing is known from the registry, where that is reported instead of raised, and its kind.
    """

    model: Declared
    held: Held
    action: str
    reason: str
    missing: bool = False
    remote: Manifest | None = None
    problem: str = ""
    problem_kind: str = ""


def must_ask(model: Declared, held: Held, compare: str) -> bool:
    """Whether the registry has to be asked: never, where its answer may decide, or always (``compare``)."""
    if compare == "none" or model.state == "absent":
        return False
    whole = held.complete and model.digest in (None, held.digest)
    return compare == "latest" or not whole or model.state == "latest"


def need_of(model: Declared, held: Held, remote: Manifest | None) -> Need:
    """Decide for one model; raises ``digest_unavailable`` when a pinned manifest can be had nowhere."""
    if model.state == "absent":
        return Need(model, held, REMOVE if held.present else NONE, "it is declared absent" if held.present else "")
    reason = _why_missing(model, held)
    if reason:
        if model.digest and remote and remote.digest != model.digest:
            raise _unavailable(model, held, remote)
        return Need(model, held, PULL, reason, True, remote)
    if model.state == "latest" and remote and held.manifest and remote.content_key != held.manifest.content_key:
        return Need(model, held, PULL, f"the registry now serves {remote.digest[:12]}", False, remote)
    return Need(model, held, NONE, "", False, remote)


def _why_missing(model: Declared, held: Held) -> str:
    if not held.present:
        return "it is not in the store"
    if held.manifest is None:
        return f"its manifest in the store is damaged: {held.problem}"
    if model.digest and held.digest != model.digest:
        return f"the store has {held.digest[:12]}, and {model.digest[:12]} is pinned"
    if held.lacking:
        blobs = ", ".join(blob.digest[:12] for blob in held.lacking[:3])
        more = f" and {len(held.lacking) - 3} more" if len(held.lacking) > 3 else ""
        return f"blobs are missing or have a wrong size: {blobs}{more}"
    return ""


def _unavailable(model: Declared, held: Held, remote: Manifest) -> CorralError:
    return CorralError(
        f"{model.name.display} is pinned to digest {model.digest}, and the registry now serves {remote.digest}"
        f" (the store has {held.digest or 'none'}).",
        kind="digest_unavailable",
        remedy="Pin the digest that is served after reviewing it, or publish the pinned model from another store.",
        model=model.name.display,
        expected=model.digest,
        found=remote.digest,
        present=held.digest,
    )


def to_fetch(needs: Iterable[Need], has_blob: Mapping[str, bool]) -> tuple[dict[str, int], int]:
    """Bytes to fetch per model (by display name), and in all with shared blobs counted once.

    ``has_blob``: which digests the store has in the right size; what is not named there is lacking.
    """
    each: dict[str, int] = {}
    every: dict[str, int] = {}
    for need in needs:
        manifest = need.remote or need.held.manifest
        pulled = need.action == PULL and manifest is not None
        blobs = {blob.digest: blob.size for blob in manifest.blobs} if pulled and manifest else {}
        lacking = {digest: size for digest, size in blobs.items() if not has_blob.get(digest, False)}
        each[need.model.name.display] = sum(lacking.values())
        every.update(lacking)
    return each, sum(every.values())


def to_update(need: Need, has_blob: Mapping[str, bool]) -> int:
    """Bytes that the registry's present manifest would cost, whether it is wanted or not; 0 where it is not known."""
    blobs = need.remote.blobs if need.remote else ()
    return sum(blob.size for blob in blobs if not has_blob.get(blob.digest, False))


def row(need: Need, bytes_to_fetch: int, bytes_to_update: int) -> dict[str, Any]:
    """The need as ``store_info`` returns it."""
    manifest = need.remote if need.remote and need.action == PULL else need.held.manifest
    target = need.remote.digest if need.remote else need.model.digest or need.held.digest
    return {
        "name": need.model.name.display,
        "state": need.model.state,
        "insecure": need.model.insecure,
        "digest": need.held.digest,
        "target_digest": "" if need.model.state == "absent" else target,
        "complete": need.held.complete,
        "action": need.action,
        "reason": need.reason,
        "bytes_total": manifest.total_size if manifest else 0,
        "bytes_to_fetch": bytes_to_fetch,
        "bytes_to_update": bytes_to_update,
        "problem": need.problem,
        "problem_kind": need.problem_kind,
    }


def layers_of(need: Need) -> dict[str, Any]:
    """What the two manifests of a need name: that of the store, and that of the registry where it was asked."""
    return {"layers": layer_list(need.held.manifest), "target_layers": layer_list(need.remote)}


def lacking_of(need: Need, has_blob: Mapping[str, bool]) -> list[str]:
    """The digests that either manifest names and the store has not in their size."""
    manifests = [manifest for manifest in (need.held.manifest, need.remote) if manifest is not None]
    named = {blob.digest for manifest in manifests for blob in manifest.blobs}
    return sorted(digest for digest in named if not has_blob.get(digest, False))


def layer_list(manifest: Manifest | None) -> list[dict[str, Any]]:
    """Config first, then the layers in the manifest's order, each as often as it is named there."""
    if manifest is None:
        return []
    every = (*((manifest.config,) if manifest.config else ()), *manifest.layers)
    return [{"digest": blob.digest, "size": blob.size, "media_type": blob.media_type} for blob in every]


def require_space(path: str, needed: int, reserve: int, free: int, models: Iterable[str]) -> None:
    """Refuse a pull that would fill the disk, before a byte of it is fetched."""
    if not needed or needed + reserve <= free:
        return
    names = ", ".join(models)
    raise CorralError(
        f"The store {path} has {human_bytes(free)} free, and {names} need {human_bytes(needed)}"
        f" with {human_bytes(reserve)} to be left.",
        kind="no_space",
        remedy=f"Free {human_bytes(needed + reserve - free)}, declare less, or leave less (reserve_bytes).",
        path=path,
        free_bytes=free,
        bytes_to_fetch=needed,
        reserve_bytes=reserve,
    )


def together(errors: list[CorralError]) -> CorralError:
    """Several models' errors as one: the kind is theirs when they agree."""
    if len(errors) == 1:
        return errors[0]
    kinds = {error.kind for error in errors}
    return CorralError(
        " ".join(error.message for error in errors),
        kind=kinds.pop() if len(kinds) == 1 else "models_unavailable",
        remedy=" ".join(dict.fromkeys(error.remedy for error in errors if error.remedy)),
        problems=[error.as_dict() for error in errors],
    )
