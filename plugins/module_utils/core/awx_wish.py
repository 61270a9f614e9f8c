# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is declared for AWX, and what is wrong with it before a controller has been asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .awx_kinds import KINDS, Kind
from .awx_nodes import node_problems
from .awx_rrule import rrule_problems
from .awx_survey import survey_problems

# Playbooks that do to each host what that host needs, and nothing that another slice of the fleet has to know of.
SLICEABLE = ("bundle_export", "bundle_import", "prewarm", "prune", "repair", "scrub")
# AWX takes none of them from a credential type.
_ENVIRONMENT = re.compile(r"ANSIBLE_.*|PATH|LD_.*|PYTHON.*|HOME|USER")
_STATES = ("present", "absent")


@dataclass(frozen=True)
class Wanted:
    """One declared object."""

    kind: Kind
    item: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.item["name"])

    @property
    def within(self) -> str:
        return str(self.item.get(self.kind.within, "")) if self.kind.within else ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind.option, self.within, self.name

    @property
    def label(self) -> str:
        return f"{self.kind.name} {self.name}"

    @property
    def absent(self) -> bool:
        return self.item.get("state") == "absent"

    def names(self, field: str) -> list[str]:
        """The objects that a field of ``refs`` or ``lists`` names."""
        value = self.item.get(field)
        return [str(name) for name in value] if isinstance(value, list) else [str(value)] if value else []


def wanted(options: Mapping[str, Any]) -> list[Wanted]:
    """Every declared object, in the order in which they need each other."""
    return [
        Wanted(kind, item)
        for kind in KINDS
        for item in options.get(kind.option) or []
        if isinstance(item, Mapping) and isinstance(item.get("name"), str)
    ]


def wish_problems(options: Mapping[str, Any]) -> list[str]:
    """One sentence per problem, with the object that it is about."""
    problems = [
        f"An entry of {kind.option} has no name: {sorted(item) if isinstance(item, Mapping) else item!r}."
        for kind in KINDS
        for item in options.get(kind.option) or []
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str) or not item["name"].strip()
    ]
    objects = wanted(options)
    keys = [one.key for one in objects]
    problems += [
        f"Two entries of {option} are called {name}."
        for option, _within, name in sorted({k for k in keys if keys.count(k) > 1})
    ]
    for one in objects:
        problems += [f"The {one.label}: {problem}" for problem in _object_problems(one)]
    return problems


def _object_problems(one: Wanted) -> Iterator[str]:
    if one.item.get("state", "present") not in _STATES:
        yield f"state is {one.item['state']!r}; it is one of {', '.join(_STATES)}."
    if one.absent:
        return
    if one.kind.within and not one.within:
        yield f"{one.kind.within} is missing."
    for field in one.kind.lists:
        if field in one.item and not isinstance(one.item[field], list):
            yield f"{field} has to be a list of names."
    if one.item.get("survey_enabled") and "survey_spec" not in one.item:
        yield "survey_enabled is true and there is no survey_spec."
    for field, check in (("survey_spec", survey_problems), ("workflow_nodes", node_problems)):
        if field in one.item:
            yield from check(one.item[field])
    if one.kind.option in _OWN_CHECKS:
        yield from _OWN_CHECKS[one.kind.option](one.item)


def _injector_problems(item: Mapping[str, Any]) -> Iterator[str]:
    if item.get("kind") not in ("cloud", "net"):
        yield f"kind is {item.get('kind')!r}; AWX takes cloud and net only."
    for name in (item.get("injectors") or {}).get("env") or {}:
        if _ENVIRONMENT.fullmatch(str(name)):
            yield f"AWX refuses the environment variable {name}."


def _template_problems(item: Mapping[str, Any]) -> Iterator[str]:
    for field in ("limit", "job_tags", "skip_tags"):
        if not isinstance(item.get(field, ""), str):
            yield f"{field} has to be text; AWX makes the text of a list of it."
    playbook = str(item.get("playbook", ""))
    if not playbook:
        yield "playbook is missing."
    name = re.sub(r"\.ya?ml$", "", playbook.rpartition("/")[2]).rpartition(".")[2]
    sliced = int(item.get("job_slice_count") or 1) > 1 or item.get("ask_job_slice_count_on_launch")
    if sliced and name not in SLICEABLE:
        yield (
            f"the playbook {name} coordinates hosts (order, caps, one download, one report), and a slice sees only its"
            f" own hosts. It cannot be sliced; these can: {', '.join(SLICEABLE)}. Use forks and corral_serial."
        )


def _schedule_problems(item: Mapping[str, Any]) -> list[str]:
    return rrule_problems(item.get("rrule"))


_OWN_CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Iterable[str]]] = {
    "schedules": _schedule_problems,
    "credential_types": _injector_problems,
    "templates": _template_problems,
}
