# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report keeps of what was known before it: nobody is well again just because somebody only looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .told import mappings

Entry = dict[str, Any]

_TEXTS = ("host", "name", "url", "version", "image_digest", "problem")


def silent_since(model: Entry, where: str) -> Entry:
    """A model that did not answer when it was asked last has a problem until it is asked again."""
    if model.get("answered") or model.get("asked") or model.get("problem") or not model.get("failed_at"):
        return model
    said = f"{where} did not answer with {model['name']} when it was asked last, at {model['failed_at']}."
    return {**model, "problem": f"{said} Run the playbook verify, which asks again."}


def last_seen(before: Any, host: str, schema: int) -> tuple[str, list[Entry]]:
    """When a host was seen last that is not seen now, and its instances as the report ``before`` knew them."""
    if not isinstance(before, Mapping) or before.get("schema") != schema:
        return "", []
    written = str(before.get("generated_at") or "")
    known = [one for one in mappings(before, "instances") if one.get("host") == host and _sound(one)]
    hosts = {one.get("name"): one for one in mappings(before, "hosts")}
    seen_at = str(hosts.get(host, {}).get("seen_at") or (written if known else ""))
    return seen_at, [{**one, "seen_at": seen_at, "models": _then(one, seen_at)} for one in known]


def _sound(instance: Mapping[str, Any]) -> bool:
    """The file is where anybody may have edited it."""
    texts = all(isinstance(instance.get(key), str) for key in _TEXTS)
    models = mappings(instance, "models")
    return texts and isinstance(instance.get("ok"), bool) and all(isinstance(one.get("name"), str) for one in models)


def _then(instance: Mapping[str, Any], seen_at: str) -> list[Entry]:
    """Nobody was asked now: what was an answer is a proof of that day, what was silence is silence since."""
    return [
        {
            **model,
            "asked": False,
            "from_proof": bool(model.get("answered")),
            "failed_at": model.get("failed_at")
            or (seen_at if model.get("asked") and not model.get("answered") else ""),
        }
        for model in mappings(instance, "models")
    ]
