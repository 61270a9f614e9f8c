"""Misbehaviour on demand, from PRACTICE_FAULTS at the start and /practice/faults at run time."""

from __future__ import annotations

import json
import threading
from typing import Any, Optional

from .names import parse

# The parameter that a bare value stands for: {"slow_pull": 500000} is {"slow_pull": {"rate": 500000}}.
MAIN = {
    "slow_pull": "rate",
    "stall_pull": "after",
    "cut_pull": "after",
    "wrong_bytes": "when",
    "disk_full": "after",
    "error": "status",
    "slow_start": "seconds",
    "slow_load": "seconds",
    "crash": "route",
    "hang_generate": "seconds",
    "runner_killed": "after",
    "cpu_fallback": "model",
    "queue_full": "model",
    "missing_on_list": "model",
    "not_found": "model",
    "runner_crash": "model",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "slow_pull": {"rate": 1_000_000},
    "stall_pull": {"after": 0},
    "cut_pull": {"after": 0, "attempts": 1},
    "wrong_bytes": {"when": "before_verify"},
    "disk_full": {"after": 0},
    "error": {"status": 500, "message": "practice fault"},
    "slow_start": {"seconds": 5},
    "slow_load": {"seconds": 5},
    "hang_generate": {"seconds": 0},
    "runner_killed": {"after": 3},
}


class BadFault(Exception):
    pass


def _entries(name: str, value: Any) -> list[dict[str, Any]]:
    if value is False or value is None:
        return []
    if isinstance(value, list):
        return [entry for item in value for entry in _entries(name, item)]
    if value is True:
        value = {}
    if not isinstance(value, dict):
        value = {MAIN[name]: value}
    return [{**DEFAULTS.get(name, {}), **value}]


def parse_faults(data: Any) -> dict[str, list[dict[str, Any]]]:
    if not isinstance(data, dict):
        raise BadFault("faults must be a JSON object")
    unknown = sorted(set(data) - set(MAIN))
    if unknown:
        raise BadFault(f"unknown fault {', '.join(unknown)}; known: {', '.join(MAIN)}")
    return {name: _entries(name, value) for name, value in data.items()}


def _same_model(wanted: str, model: str) -> bool:
    return parse(wanted).key == parse(model).key


class Faults:
    """Thread-safe; a fault with `count` goes away when it has happened so often.

    `version` grows when faults are replaced: who is held up by one then goes on.
    """

    def __init__(self, text: str = ""):
        self._lock = threading.Lock()
        self.version = 0
        self._active = parse_faults(json.loads(text)) if text.strip() else {}

    def replace(self, data: Any) -> None:
        parsed = parse_faults(data)
        with self._lock:
            self._active = parsed
            self.version += 1

    def clear(self) -> None:
        with self._lock:
            self._active = {}
            self.version += 1

    def as_dict(self) -> dict[str, Any]:
        with self._lock:
            return {name: entries for name, entries in self._active.items() if entries}

    def take(self, name: str, model: str = "", route: str = "") -> Optional[dict[str, Any]]:
        """The parameters of this fault if it is on for this model and route, counting it as happened."""
        with self._lock:
            entries = self._active.get(name, [])
            for entry in entries:
                if entry.get("model") and not (model and _same_model(entry["model"], model)):
                    continue
                if entry.get("route") and entry["route"] != route:
                    continue
                if "count" in entry:
                    entry["count"] = int(entry["count"]) - 1
                    if entry["count"] <= 0:
                        entries.remove(entry)
                # Never empty, so that who only asks whether need not compare with None.
                return {"on": True, **entry}
        return None

    def hidden_models(self) -> set[str]:
        """Names that the next list leaves out."""
        with self._lock:
            names = {entry.get("model", "") for entry in self._active.get("missing_on_list", [])}
        return {parse(name).short for name in names if name and self.take("missing_on_list", model=name)}
