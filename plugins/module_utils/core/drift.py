# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where hosts, instances, lock and registry differ about a model. Nothing is pulled to find out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .declared import Declared, declared_models
from .drift_rows import Seen, judge, seen_of
from .lockfile import Lock
from .names import parse_name
from .pins import contradiction

SCHEMA = 1

OPTIONS: dict[str, dict[str, Any]] = {
    "hosts": {"type": "dict", "default": {}},
    "lock": {"type": "dict", "default": {}},
    "artifacts_dir": {"type": "str", "default": "artifacts"},
    "fail": {"type": "bool", "default": True},
    "width": {"type": "int", "default": 100},
}


@dataclass
class _Silent:
    """What a registry did not tell, of which models, to which hosts; ``said`` for the first of them."""

    said: str
    models: dict[str, None] = field(default_factory=dict)
    hosts: dict[str, None] = field(default_factory=dict)


def drift_report(hosts: Mapping[str, Mapping[str, Any]], lock: Lock, generated_at: str) -> dict[str, Any]:
    """The report over all hosts.

    ``hosts``: by name, ``declared``, ``models`` (rows of ``store_info`` with layers, compared with the registry) and
    ``servers`` (of ``model_info``). A host without ``models`` could not be read, which is a problem.
    ``problems`` are differences; ``notes`` are worth knowing and no failure, such as an update or a silent registry.
    """
    rows: list[dict[str, Any]] = []
    problems: list[str] = []
    silent: dict[str, _Silent] = {}
    seen = [one for host, found in hosts.items() for one in _seen(host, found, lock, problems, silent)]
    apart = _apart(seen)
    for one in seen:
        row = judge(one, apart.get(one.model.name.key, ""))
        rows.append(row)
        if row["verdict"] in ("differs", "missing"):
            problems.append(f"{one.host}: {row['model']}: {row['reason']}")
    if not hosts:
        problems.append("No host was read: the fleet is empty.")
    return {
        "schema": SCHEMA,
        "ok": not problems,
        "generated_at": generated_at,
        "locked": bool(lock.models),
        "summary": _summary(hosts, rows, problems),
        "rows": rows,
        "problems": problems,
        "notes": [*map(_note, silent.values()), *_notes_of_lock(seen, lock)],
    }


def stats_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """The small artifact for workflows."""
    names = {row["model"] for row in report["rows"] if row["verdict"] == "outdated"}
    head = {"ok": report["ok"], "checked_at": report["generated_at"], "locked": report["locked"]}
    return {**head, **report["summary"], "outdated_models": sorted(names)}


def _seen(
    host: str, found: Mapping[str, Any], lock: Lock, problems: list[str], silent: dict[str, _Silent]
) -> Iterable[Seen]:
    rows, servers = found.get("models"), found.get("servers") or []
    if not isinstance(rows, (list, tuple)):
        problems.append(f"{host}: it was not read, because it failed or could not be reached before.")
        return
    for server in servers:
        if not server.get("reachable"):
            problems.append(f"{host}: {server['name']} does not say what it lists: {server.get('error')}")
    stored = {parse_name(row["name"]).key: row for row in rows}
    for model in declared_models(found.get("declared")):
        row = stored.get(model.name.key, {})
        pin = lock.models.get(model.name.key)
        if model.state != "absent" and pin and model.digest not in (None, pin.digest):
            problems.append(f"{host}: {contradiction(model, pin.digest)}")
        if row.get("problem") and not row.get("target_layers"):
            _remember(silent, host, model.name.display, row)
        yield seen_of(host, model, row, [one for one in servers if one.get("reachable")], pin)


def _apart(seen: Iterable[Seen]) -> dict[Any, str]:
    """What to say of a model for which the stores of the hosts differ, and nothing says which of them is right."""
    digests: dict[Any, dict[str, list[str]]] = {}
    for one in seen:
        if one.digest and not one.wanted and one.model.state != "absent":
            digests.setdefault(one.model.name.key, {}).setdefault(one.digest, []).append(one.host)
    return {
        key: "the hosts do not have the same: "
        + "; ".join(f"{digest[:12]} on {_some(where)}" for digest, where in groups.items())
        + ". Pin one with the playbook corral.ollama.lock."
        for key, groups in digests.items()
        if len(groups) > 1
    }


def _notes_of_lock(seen: Iterable[Seen], lock: Lock) -> list[str]:
    every = {one.model.name.key: one.model for one in seen}
    bare = [m for key, m in every.items() if lock.models and key not in lock.models and m.state != "absent"]
    idle = [entry.name for key, entry in lock.models.items() if key not in every]
    notes: list[str] = []
    if bare:
        names = ", ".join(_names(bare))
        notes.append(f"Declared and not in the lock: {names}. Pin them with the playbook corral.ollama.lock.")
    if idle:
        names = ", ".join(name.display for name in idle[:8])
        notes.append(f"In the lock and declared nowhere here: {names}. corral.ollama.lock with lock_prune drops them.")
    return notes


def _names(models: Iterable[Declared]) -> list[str]:
    return sorted(model.name.display for model in models)


def _remember(silent: dict[str, _Silent], host: str, name: str, row: Mapping[str, Any]) -> None:
    """By the kind of the problem: its text has addresses that are others on each host."""
    one = silent.setdefault(str(row.get("problem_kind") or "error"), _Silent(str(row["problem"])))
    one.models.setdefault(name)
    one.hosts.setdefault(host)


def _note(one: _Silent) -> str:
    return f"The registry tells nothing about {_some(one.models)} (asked from {_some(one.hosts)}). {one.said}"


def _some(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:4]) + (f" and {len(every) - 4} more" if len(every) > 4 else "")


def _summary(hosts: Mapping[str, Any], rows: list[dict[str, Any]], problems: list[str]) -> dict[str, Any]:
    verdicts = [row["verdict"] for row in rows]
    return {
        "hosts": len(hosts),
        "models": len({row["model"] for row in rows}),
        "rows": len(rows),
        "rows_ok": verdicts.count("ok"),
        **{verdict: verdicts.count(verdict) for verdict in ("outdated", "differs", "missing")},
        "bytes_to_update": sum(row["bytes_to_update"] for row in rows),
        "problems": len(problems),
    }
