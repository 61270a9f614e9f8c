# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances down, models across, a table per host; what is well is folded away where there is much of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .cell_state import ANSWERED, PROVEN, SIGNS, SILENT, cell_state
from .columns import counted, short
from .fleet_memory import share
from .markup import Markup, element, fragment, name, visible
from .page_parts import section, table

_FOLDED_FROM = 4
_DIGEST = 7
_CAPTION = 80
_FACT = 120
_DAY = len("2026-11-22")

Entry = Mapping[str, Any]


def page_matrix(report: Mapping[str, Any]) -> Markup:
    """The matrix of every host, those with problems first."""
    entries: dict[str, list[Entry]] = {}
    for entry in report["instances"]:
        entries.setdefault(entry["host"], []).append(entry)
    hosts = sorted(report["hosts"], key=lambda host: bool(host["ok"]))
    fold = len(hosts) >= _FOLDED_FROM
    legend = element("p", _legend(), class_="note")
    return section("matrix", "Instances and models", legend, *(_host(one, entries, fold) for one in hosts))


def _legend() -> str:
    return "Cells: " + ", ".join(f"{sign} {state}" for state, (sign, _good) in SIGNS.items()) + "; then the digest."


def _host(host: Entry, entries: Mapping[str, Sequence[Entry]], fold: bool) -> Markup:
    mine = entries.get(host["name"], [])
    sign, good = ("✓", "good") if host["ok"] else ("✗", "bad")
    verdict = "well" if host["ok"] else counted(host["problems"], "problem")
    if not host["verified"]:
        verdict = f"not verified; this is of {host['seen_at']}" if mine else "not verified"
    told = f" ({counted(len(mine), 'instance')})" if mine else ""
    summary = element("summary", element("span", f"{sign} {verdict}", class_=good), " ", name(host["name"]), told)
    body = _matrix(host["name"], mine) if mine else element("p", "Nothing is known about its instances.")
    return element("details", summary, body, open=None if host["ok"] and fold else "")


def _matrix(host: str, entries: Sequence[Entry]) -> Markup:
    models = list(dict.fromkeys(model["name"] for entry in entries for model in entry["models"]))
    heads = ["Instance", *(name(model) for model in models)]
    rows = [_row(group, models) for group in _alike(entries)]
    return table(f"Models on the instances of {short(visible(host), _CAPTION)}", heads, rows)


def _alike(entries: Sequence[Entry]) -> Iterable[list[Entry]]:
    """Instances that follow each other and have nothing to tell apart are one row."""
    groups: list[tuple[Any, list[Entry]]] = []
    for entry in entries:
        key = (entry["ok"], _facts(entry), [_told(model) for model in entry["models"]])
        if groups and groups[-1][0] == key:
            groups[-1][1].append(entry)
        else:
            groups.append((key, [entry]))
    return [group for _key, group in groups]


def _row(group: Sequence[Entry], models: Sequence[str]) -> tuple[Markup, list[Markup]]:
    first = group[0]
    found = {model["name"]: model for model in first["models"]}
    called = name(first["name"])
    if len(group) > 1:
        called = fragment(f"{len(group)} alike: ", called, " … ", name(group[-1]["name"]))
    sign = "" if first["ok"] else "✗ "
    label = fragment(sign, called, *(element("small", fact) for fact in _facts(first)))
    return label, [_cell(found[model]) if model in found else element("td", "–") for model in models]


def _cell(model: Entry) -> Markup:
    state, good, facts = _told(model)
    return element("td", state, element("small", facts), class_=good)


def _told(model: Entry) -> tuple[str, str, str]:
    state = cell_state(model)
    sign, good = SIGNS[state]
    digest = str(model.get("digest") or "")[:_DIGEST] or "no digest"
    return f"{sign} {state}", good, ", ".join(filter(None, (digest, share(model), _when(model, state))))


def _when(model: Entry, state: str) -> str:
    """Whatever is not of now says of when it is."""
    if state == ANSWERED or model.get("asked"):
        return ""
    failed, proven = (str(model.get(key) or "")[:_DAY] for key in ("failed_at", "proven_at"))
    if state == SILENT:
        return f"on {failed}" if failed else ""
    return f"{'on' if state == PROVEN else 'answered on'} {proven}" if proven else ""


def _facts(entry: Entry) -> list[str]:
    """What people look for next to the name; ports differ always, so they are in fleet.json."""
    gpus = entry.get("gpus")
    state, health = entry.get("state"), entry.get("health")
    told = [f"Ollama {entry['version']}" if entry["version"] else "does not tell its version"]
    told += [f"GPU {', '.join(str(gpu) for gpu in gpus)}"] if isinstance(gpus, list) and gpus else []
    told += [str(state)] if state and state != "running" else []
    told += [str(health)] if health and health != "healthy" else []
    told += [f"restarted {entry['restarts']} times by the engine"] if entry.get("restarts") else []
    told += ["ended for want of memory"] if entry.get("oom_killed") else []
    return [short(visible(fact), _FACT) for fact in told]
