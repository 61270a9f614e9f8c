# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to AWX, in which order, and with what arguments for the modules of awx.awx."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .awx_diff import Compared, compare
from .awx_kinds import KINDS
from .awx_wish import Wanted
from .plans import Plan, Step

Key = tuple[str, str, str]  # option, within, name


@dataclass(frozen=True)
class AwxStep:
    """One call of a module of awx.awx."""

    action: str  # create, update or remove
    one: Wanted
    fields: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return f"awx.awx.{self.one.kind.module}"

    @property
    def arguments(self) -> dict[str, Any]:
        """Of the module, without how to reach the controller."""
        if self.action == "remove":
            kept = ("name", "organization", "credential_type", self.one.kind.within)
            return {**{key: self.one.item[key] for key in kept if key in self.one.item}, "state": "absent"}
        arguments = {**self.one.item, "state": "present"}
        if "workflow_nodes" in arguments and self.action == "update":
            # The module leaves nodes and edges that are gone from the data where they are; so all are made anew.
            if "workflow_nodes" in self.fields:
                arguments["destroy_current_nodes"] = True
            else:
                del arguments["workflow_nodes"]
        return arguments

    def shown(self) -> Step:
        return Step(self.action, self.one.label, ", ".join(self.fields))


@dataclass(frozen=True)
class AwxPlan:
    """The steps, with what they change for people, and what stands in the way."""

    steps: tuple[AwxStep, ...]
    problems: tuple[str, ...]
    plan: Plan


def plan_awx(
    objects: Sequence[Wanted], found: Mapping[Key, Mapping[str, Any]], missing: Sequence[str], secrets: bool
) -> AwxPlan:
    """``missing``: sentences about named objects that nobody has. ``secrets``: write the credentials in any case."""
    steps: list[AwxStep] = []
    problems, before, after = list(missing), {}, {}
    for one in objects:
        have = found.get(one.key)
        compared = compare(one, have) if have is not None and not one.absent else Compared()
        problems += [
            f"The {one.label}: AWX has no field {field} there; use the field's own name, as the API has it."
            for field in compared.unknown
        ]
        step = _step(one, have, compared, secrets)
        if step is not None:
            steps.append(step)
            before[one.label], after[one.label] = _change(step, compared)
    order = [kind.option for kind in KINDS]
    removed = [step for step in steps if step.action == "remove"]
    removed.sort(key=lambda step: -order.index(step.one.kind.option))
    steps = [step for step in steps if step.action != "remove"] + removed
    shown = tuple(step.shown() for step in steps)
    return AwxPlan(tuple(steps), tuple(problems), Plan(shown, before, after))


def _step(one: Wanted, have: Mapping[str, Any] | None, compared: Compared, secrets: bool) -> AwxStep | None:
    if one.absent:
        return AwxStep("remove", one) if have is not None else None
    if have is None:
        return AwxStep("create", one)
    fields = [difference.field for difference in compared.differences]
    if secrets and one.kind.option == "credentials" and one.item.get("inputs") and "inputs" not in fields:
        fields.append("inputs")
    return AwxStep("update", one, tuple(fields)) if fields else None


def _change(step: AwxStep, compared: Compared) -> tuple[Any, Any]:
    if step.action == "update":
        return (
            {difference.field: difference.before for difference in compared.differences},
            {difference.field: difference.after for difference in compared.differences},
        )
    return ("", "made anew") if step.action == "create" else ("there", "")


# What the action takes; its documentation is the module's of the same name.
CONNECTION: dict[str, Any] = {
    "hostname": {"type": "str", "default": ""},
    "username": {"type": "str", "default": ""},
    "password": {"type": "str", "default": "", "no_log": True},
    "token": {"type": "str", "default": "", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 30.0},
}
LISTS: dict[str, Any] = {kind.option: {"type": "list", "elements": "dict", "default": []} for kind in KINDS}
OPTIONS: dict[str, Any] = {
    "controller": {"type": "dict", "required": True, "options": CONNECTION},
    "objects": {"type": "dict", "required": True, "options": LISTS},
    "update_secrets": {"type": "bool", "default": False, "no_log": False},
    "check_only": {"type": "bool", "default": False},
    "plan_only": {"type": "bool", "default": False},
}
