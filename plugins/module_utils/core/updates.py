# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update of the declared models does: who moves, who is held by a pin, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .declared import Declared
from .units import human_bytes

MOVED, ADDED, COMPLETED, REMOVED = "moved", "added", "completed", "removed"
HELD, CURRENT, UNKNOWN, WENT_BACK = "held", "current", "unknown", "went_back"

_WEIGHTS = ("image.model", "image.projector", "image.adapter", "image.draft", "image.tensor")


def model_updates(
    models: Sequence[Declared],
    rows: Sequence[Mapping[str, Any]],
    after: Iterable[Mapping[str, Any]] = (),
    went_back: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """One entry for each declared model, in their order.

    ``rows``: what ``store_info`` said of them, the registry asked for all. ``after``: what it says afterwards, for the
    digests that they have now. ``went_back``: the names of those that did not answer and are again what they were.
    """
    now = {str(row["name"]): str(row["digest"]) for row in after}
    back = set(went_back)
    return [_update(model, row, now, back) for model, row in zip(models, rows)]


def _update(model: Declared, row: Mapping[str, Any], now: Mapping[str, str], back: set[str]) -> dict[str, Any]:
    name, old, target = str(row["name"]), str(row["digest"]), str(row["target_digest"])
    state = WENT_BACK if name in back else _state(model, row, old, target)
    new = target if state in (HELD, WENT_BACK) else now.get(name, target if state in (MOVED, ADDED) else old)
    found = {
        "name": name,
        "state": state,
        "old": old,
        "new": "" if state == REMOVED else new,
        "digest": {HELD: old, WENT_BACK: old, REMOVED: ""}.get(state, new),
        "bytes": int(row.get("bytes_to_fetch") or 0),
        "same_weights": state == MOVED and _same_weights(row),
        "problem": str(row.get("problem") or ""),
    }
    return {**found, "sentence": _sentence(found, str(row.get("reason") or ""), model)}


def _state(model: Declared, row: Mapping[str, Any], old: str, target: str) -> str:
    if row["action"] == "remove":
        return REMOVED
    if row["action"] == "pull":
        if row.get("problem"):
            return UNKNOWN
        if not old:
            return ADDED
        return COMPLETED if old == target else MOVED
    held = model.digest is not None and old and target not in ("", old)
    return HELD if held else CURRENT


def _same_weights(row: Mapping[str, Any]) -> bool:
    """Whether only other layers differ: then a server goes on with the runner that it has."""
    old, new = (_weights(row.get(key) or ()) for key in ("layers", "target_layers"))
    return bool(old) and old == new


def _weights(layers: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(str(layer["digest"]) for layer in layers if str(layer["media_type"]).endswith(_WEIGHTS))


def _sentence(found: Mapping[str, Any], reason: str, model: Declared) -> str:
    name, old, new = found["name"], found["old"][:12], found["new"][:12]
    size = f"{human_bytes(found['bytes'])} to fetch"
    pinned = "its pin" if model.digest else ""
    return {
        MOVED: f"{name} moves from {old} to {new}, {size}",
        ADDED: f"{name} is new here ({new or 'not known yet'}), {size}",
        COMPLETED: f"{name} is completed at {old} ({reason}), {size}",
        REMOVED: f"{name} is removed, as it is declared absent",
        HELD: f"{name} is held at {old} by {pinned}; the registry serves {new}",
        WENT_BACK: f"{name} is {old} again, as {new} did not answer",
        UNKNOWN: f"{name}: {found['problem']}",
        CURRENT: f"{name}: {found['problem']}" if found["problem"] else "",
    }[str(found["state"])]
