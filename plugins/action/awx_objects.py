# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes AWX as it is declared: looks, says what differs, and lets the modules of awx.awx do that and nothing else."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils.core.awx_plan import OPTIONS, AwxPlan, AwxStep, plan_awx
from ..module_utils.core.awx_wish import wanted, wish_problems
from ..module_utils.core.errors import CorralError
from ..plugin_utils.awx_look import Look
from ..plugin_utils.controller import Controller
from ..plugin_utils.reports import failure_text, plain

display = Display()


class ActionModule(ActionBase):
    """Its modules run where it runs: on the controller of Ansible, over the connection local."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            result.update(self._work(plain(options), task_vars or {}))
        except CorralError as error:
            result.update(failed=True, msg=str(error), error=error.as_dict())
        return {"changed": False, **result}

    def _work(self, options: Mapping[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        _refuse("What is declared for AWX cannot be meant so", wish_problems(options["objects"]))
        _require_address(options["controller"])
        _require_collection()
        if options["check_only"]:
            return {"steps": []}
        plan = self._plan(options)
        if plan.steps and not options["plan_only"] and not self._task.check_mode:
            for number, step in enumerate(plan.steps):
                self._do(step, options["controller"], task_vars, f"{number} of {len(plan.steps)} steps are done")
        changed = bool(plan.steps) and not options["plan_only"]
        return {"changed": changed, "diff": plan.plan.diff, "steps": [step.as_dict() for step in plan.plan.steps]}

    def _plan(self, options: Mapping[str, Any]) -> AwxPlan:
        objects = wanted(options["objects"])
        look = Look(Controller(options["controller"]), objects)
        plan = plan_awx(objects, look.found(), look.missing(), options["update_secrets"])
        _refuse("AWX cannot be made as declared", plan.problems)
        return plan

    def _do(self, step: AwxStep, controller: Mapping[str, Any], task_vars: dict[str, Any], so_far: str) -> None:
        display.display(f"AWX: {step.action} {step.one.label}{': ' if step.fields else ''}{', '.join(step.fields)}")
        with self._unlogged():
            answer = self._execute_module(
                module_name=step.module, module_args={**step.arguments, **_connection(controller)}, task_vars=task_vars
            )
        if answer.get("failed"):
            raise CorralError(
                f"The {step.one.label} could not be brought to what is declared ({step.action}): {_reason(answer)}"
                f" {so_far}, the others were not begun.",
                kind="awx_refused",
                remedy="Change what is declared and run the playbook again: it goes on from here.",
                object=step.one.label,
                action=step.action,
            )

    @contextmanager
    def _unlogged(self) -> Iterator[None]:
        """Modules write their arguments to the log of the system, and not all of awx.awx know what is secret."""
        before = self._task.no_log
        self._task.no_log = True
        try:
            yield
        finally:
            self._task.no_log = before


def _connection(controller: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        "controller_host": controller["hostname"],
        "controller_oauthtoken": controller["token"],
        "controller_username": "" if controller["token"] else controller["username"],
        "controller_password": "" if controller["token"] else controller["password"],
    }
    return {
        "validate_certs": controller["validate_certs"],
        "request_timeout": controller["timeout"],
        **{name: value for name, value in known.items() if value},
    }


def _reason(answer: Mapping[str, Any]) -> str:
    """Where a module says "see response", what the response says."""
    response = answer.get("response")
    detail = response.get("json") if isinstance(response, Mapping) else None
    return f"{answer.get('msg', 'no reason given')}{f' {detail}' if detail else ''}"[:1000].rstrip(".") + "."


def _refuse(what: str, problems: Any) -> None:
    if problems:
        raise CorralError(failure_text(what, list(problems)), kind="awx_wish", problems=list(problems))


def _require_address(controller: Mapping[str, Any]) -> None:
    if not controller["hostname"]:
        raise CorralError(
            "No controller is named.",
            kind="awx_no_address",
            remedy="Set awx_hostname and awx_token, or CONTROLLER_HOST and CONTROLLER_OAUTH_TOKEN in the environment.",
        )


def _require_collection() -> None:
    try:
        there = importlib.util.find_spec("ansible_collections.awx.awx") is not None
    except (ImportError, ValueError):
        there = False
    if not there:
        raise CorralError(
            "The collection awx.awx is not installed.",
            kind="awx_collection_missing",
            remedy="It comes with the package ansible 12 (ansible-core 2.19), later ones have dropped it:"
            " ansible-galaxy collection install awx.awx",
        )
