# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lock is to be: by the lock there is, by the stores of all hosts and, failing both, by the registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .declared import Declared, declared_models
from .lockfile import Lock, Locked, parse_lock
from .names import Key, parse_name
from .pins import contradiction
from .problems import Problem, raise_all

OPTIONS: dict[str, dict[str, Any]] = {
    "path": {"type": "str", "default": ""},
    "hosts": {"type": "dict", "default": {}},
    "registry": {"type": "list", "elements": "dict", "default": []},
    "plan_only": {"type": "bool", "default": False},
    "refresh": {"type": "bool", "default": False},
    "prune": {"type": "bool", "default": False},
}


@dataclass
class _Wanted:
    """A model that some host declares: who pins it to what, and what the stores have of it."""

    model: Declared
    pins: dict[str, str] = field(default_factory=dict)
    held: dict[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class LockPlan:
    """``ask``: what the registry has to be asked before ``lock`` is complete, as ``store_info`` takes it."""

    lock: Lock
    ask: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def plan_lock(
    current: Lock,
    hosts: Mapping[str, Mapping[str, Any]],
    answers: Iterable[Mapping[str, Any]],
    *,
    refresh: bool = False,
    prune: bool = False,
    now: str = "",
) -> LockPlan:
    """Raises one error for all that is in the way.

    ``hosts``: by name, ``declared`` (models as users declare them) and ``models`` (rows of ``store_info`` with
    layers; left out where the stores are not asked). ``answers``: such rows with the registry's side.
    A pin that is there stays, unless ``refresh`` says otherwise. Pins that nobody declares stay unless ``prune``.
    """
    problems: list[Problem] = []
    wanted, absent = _wanted(hosts, refresh, problems)
    served = {parse_name(answer["name"]).key: answer for answer in answers}
    models: dict[Key, Locked] = {} if prune else {k: v for k, v in current.models.items() if k not in absent}
    ask: list[dict[str, Any]] = []
    notes: list[str] = []
    for key, one in wanted.items():
        before = current.models.get(key)
        if before is not None and not refresh:
            models[key] = before
            _keep(before, one, problems, notes)
            continue
        locked = _chosen(one, before, served.get(key), refresh, problems)
        if locked is None:
            ask.append({"name": one.model.name.full, "insecure": one.model.insecure})
        else:
            models[key] = locked
    raise_all(problems)
    lock = Lock(models, current.generated_at or now)
    return LockPlan(lock if lock == current else Lock(models, now), tuple(ask), tuple(notes))


def _wanted(
    hosts: Mapping[str, Mapping[str, Any]], refresh: bool, problems: list[Problem]
) -> tuple[dict[Key, _Wanted], set[Key]]:
    wanted: dict[Key, _Wanted] = {}
    absent: set[Key] = set()
    for host, found in hosts.items():
        rows = found.get("models")
        if "declared" not in found or not (refresh or isinstance(rows, (list, tuple))):
            problems.append(_unread(host))
            continue
        held = {parse_name(row["name"]).key: row for row in rows or () if row.get("digest")}
        for model in declared_models(found.get("declared")):
            if model.state == "absent":
                absent.add(model.name.key)
                continue
            one = wanted.setdefault(model.name.key, _Wanted(model))
            if model.digest:
                one.pins[host] = model.digest
            if model.name.key in held:
                one.held[host] = held[model.name.key]
    if not hosts:
        problems.append(Problem("no_hosts", "No host was read, so there is nothing to lock.", "Check the inventory."))
    return wanted, absent - set(wanted)


def _keep(before: Locked, one: _Wanted, problems: list[Problem], notes: list[str]) -> None:
    """The pin stays; say who does not follow it."""
    for digest in sorted(set(one.pins.values()) - {before.digest}):
        problems.append(contradiction(Declared(one.model.name, digest), before.digest))
    others = {host: str(row["digest"]) for host, row in one.held.items() if row["digest"] != before.digest}
    if others:
        notes.append(
            f"{before.name.display} stays pinned to {before.digest[:12]}, and {_by_digest(others)}. The playbook"
            " corral.ollama.site brings the stores to the lock; to pin what they have, take the model out of the lock"
            " and run this again."
        )


def _chosen(
    one: _Wanted, before: Locked | None, answer: Mapping[str, Any] | None, refresh: bool, problems: list[Problem]
) -> Locked | None:
    """The new pin; ``None`` when the registry has to be asked for it, or a problem was found."""
    pins = set(one.pins.values())
    if len(pins) > 1:
        problems.append(_disagree(one, one.pins, "is declared with different digests"))
        return before
    pin = next(iter(pins), "")
    rows = [row for row in one.held.values() if (row["digest"] == pin if pin else not refresh)]
    if pin and before is not None and before.digest == pin:
        return before
    if len({row["digest"] for row in rows}) > 1:
        held = {host: str(row["digest"]) for host, row in one.held.items()}
        problems.append(_disagree(one, held, "is not the same on all hosts"))
        return before or _from_row(one, rows[0], "digest", "layers")
    if rows:
        return _from_row(one, rows[0], "digest", "layers")
    if answer is None:
        return None
    return _from_registry(one, answer, pin, problems) or before


def _from_registry(one: _Wanted, answer: Mapping[str, Any], pin: str, problems: list[Problem]) -> Locked | None:
    name = one.model.name.display
    served = str(answer.get("target_digest") or "")
    if answer.get("problem") or not answer.get("target_layers"):
        why = str(answer.get("problem") or f"The registry said nothing about {name}.")
        problems.append(Problem("model_not_locked", why, "", {"model": name}))
    elif pin and served != pin:
        text = f"{name} is declared with the digest {pin}, no store has it, and the registry now serves {served}."
        remedy = "Declare the digest that is served after reviewing it, or none."
        problems.append(Problem("digest_unavailable", text, remedy, {"model": name, "expected": pin, "found": served}))
    else:
        return _from_row(one, answer, "target_digest", "target_layers")
    return None


def _from_row(one: _Wanted, row: Mapping[str, Any], digest: str, layers: str) -> Locked:
    """Through the same reading as the file: what a host said is not trusted either."""
    name = one.model.name
    size = sum(int(layer["size"]) for layer in row[layers])
    entry = {"digest": row[digest], "size": size, "source": name.full, "layers": [dict(each) for each in row[layers]]}
    document = {"schema": 1, "generated_at": "", "models": {name.display: entry}}
    return parse_lock(document, "that is to be written").models[name.key]


def _disagree(one: _Wanted, digests: Mapping[str, str], what: str) -> Problem:
    return Problem(
        "hosts_disagree",
        f"{one.model.name.display} {what}: {_by_digest(digests)}.",
        "Declare one digest for it in corral_models and run the playbook corral.ollama.site, or take the registry's"
        " with -e lock_refresh=true.",
        {"model": one.model.name.display, "digests": dict(digests)},
    )


def _by_digest(digests: Mapping[str, str]) -> str:
    """``57be7993ebe4 on gpu1 and gpu2, 22764da6d92f on gpu3``."""
    groups: dict[str, list[str]] = {}
    for host, digest in digests.items():
        groups.setdefault(digest, []).append(host)
    said = []
    for digest, hosts in groups.items():
        more = f" and {len(hosts) - 5} more" if len(hosts) > 5 else ""
        said.append(f"{digest[:12]} on {', '.join(hosts[:5])}{more}")
    return "; ".join(said)


def _unread(host: str) -> Problem:
    return Problem(
        "host_not_read",
        f"The store of {host} was not read, so nobody knows whether it agrees.",
        "See why it failed or could not be reached; --limit leaves a host out on purpose.",
        {"host": host},
    )
