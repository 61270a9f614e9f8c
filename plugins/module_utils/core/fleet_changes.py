# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is different between two reports of a fleet, the same on many instances told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .cell_state import ANSWERED, PROVEN, cell_state
from .told import mappings, texts

Entry = Mapping[str, Any]
Change = tuple[str, str, str, str]  # kind, model, before, after

_FACTS = ("version", "image", "image_digest", "gpus", "state", "health", "restarts")


def fleet_changes(before: Any, now: Mapping[str, Any]) -> dict[str, Any]:
    """From the report ``before`` to the report ``now``; empty when there was none, or one of another form.

    ``since`` is when the earlier one was made. ``items`` has for each change ``kind``, ``model`` (empty when it is
    about the instance), ``before``, ``after``, and ``where``: host to names of instances.
    """
    if not isinstance(before, Mapping) or before.get("schema") != now["schema"]:
        return {}
    was, are = _instances(before), _instances(now)
    found: dict[Change, dict[str, list[str]]] = {}
    for host, name in dict.fromkeys([*are, *was]):
        for change in _changes(was.get((host, name)), are.get((host, name))):
            found.setdefault(change, {}).setdefault(host, []).append(name)
    # In their order, and quick to look up.
    said, says = (dict.fromkeys(texts(report, "problems")) for report in (before, now))
    return {
        "since": str(before.get("generated_at", "")),
        "problems_new": [text for text in says if text not in said],
        "problems_gone": [text for text in said if text not in says],
        "items": [
            {"kind": kind, "model": model, "before": old, "after": new, "where": where}
            for (kind, model, old, new), where in found.items()
        ],
    }


def _changes(was: Entry | None, now: Entry | None) -> Iterable[Change]:
    if was is None or now is None:
        yield ("instance_gone", "", "", "") if now is None else ("instance_new", "", "", "")
        return
    old, new = (("well" if entry.get("ok") else "not well") for entry in (was, now))
    if old != new:
        yield ("well", "", old, new)
    for fact in _FACTS:
        # What was not looked at on one of the two days is no change.
        if fact in was and fact in now and _text(was[fact]) != _text(now[fact]):
            yield (fact, "", _text(was[fact]), _text(now[fact]))
    yield from _model_changes(_models(was), _models(now))


def _model_changes(was: Mapping[str, Entry], now: Mapping[str, Entry]) -> Iterable[Change]:
    for name in dict.fromkeys([*now, *was]):
        if name not in was or name not in now:
            yield ("model_new" if name in now else "model_gone", name, "", "")
            continue
        old, new = was[name], now[name]
        if _text(old.get("digest")) != _text(new.get("digest")):
            yield ("digest", name, _text(old.get("digest")), _text(new.get("digest")))
        if _answers(old) != _answers(new):
            yield ("answers", name, _answers(old), _answers(new))


def _answers(model: Entry) -> str:
    """A proof that counts is as good as an answer: the second run is no change."""
    state = cell_state(model)
    return ANSWERED if state == PROVEN else state


def _instances(report: Mapping[str, Any]) -> dict[tuple[str, str], Entry]:
    return {(str(entry.get("host")), str(entry.get("name"))): entry for entry in mappings(report, "instances")}


def _models(instance: Entry) -> dict[str, Entry]:
    return {str(entry.get("name")): entry for entry in mappings(instance, "models")}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)
