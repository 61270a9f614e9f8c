# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a module's ``main()`` in this process and see what it hands to Ansible.

Works under plain pytest and under ``ansible-test units``, for every supported ansible-core.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from ansible.module_utils import basic


class _Exit(Exception):
    def __init__(self, failed: bool, result: dict[str, Any]) -> None:
        super().__init__(result)
        self.failed, self.result = failed, result


@dataclass(frozen=True)
class Outcome:
    """What the module returned: ``result`` as JSON would carry it, warnings included."""

    failed: bool
    result: dict[str, Any]

    @property
    def changed(self) -> bool:
        return bool(self.result.get("changed"))

    @property
    def msg(self) -> str:
        return str(self.result.get("msg", ""))

    @property
    def kind(self) -> str:
        """The stable identifier of a failure."""
        return str(self.result.get("error", {}).get("kind", ""))

    def __getitem__(self, key: str) -> Any:
        return self.result[key]


@contextmanager
def _arguments(args: dict[str, Any]) -> Any:
    try:
        from ansible.module_utils.testing import patch_module_args
    except ImportError:
        raw = json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", raw):
            yield
    else:
        with patch_module_args(args):
            yield


def _plain(failed: bool, warnings: list[str], kwargs: Mapping[str, Any]) -> _Exit:
    # through JSON and back: a result that JSON cannot carry must fail here, as it would for a user
    result = json.loads(json.dumps(dict(kwargs)))
    result["warnings"] = [*warnings, *result.get("warnings", [])]
    return _Exit(failed, result)


def run_module(module: Any, args: Mapping[str, Any], *, check: bool = False, diff: bool = True) -> Outcome:
    """``module`` (imported) with ``args``; never raises for a module that fails as modules do."""
    warnings: list[str] = []

    def exit_json(_self: Any, **kwargs: Any) -> None:
        raise _plain(False, warnings, kwargs)

    def fail_json(_self: Any, msg: str, **kwargs: Any) -> None:
        raise _plain(True, warnings, {"failed": True, "msg": msg, **kwargs})

    patches = {"exit_json": exit_json, "fail_json": fail_json, "warn": lambda _self, text: warnings.append(text)}
    given = {**args, "_ansible_check_mode": check, "_ansible_diff": diff}
    with mock.patch.multiple(basic.AnsibleModule, **patches), _arguments(given):
        try:
            module.main()
        except _Exit as end:
            return Outcome(end.failed, end.result)
    raise AssertionError("the module returned without exit_json or fail_json")


def four_runs(module: Any, args: Mapping[str, Any]) -> tuple[Outcome, Outcome, Outcome, Outcome]:
    """One row of the twelve steps: predict it, do it, do it again, predict again.

    Asserts what holds for every row: prediction and deed agree, in ``changed``, in the diff and in the keys returned,
    and the second time nothing is left to do.
    """
    check, real, again, again_check = (
        run_module(module, args, check=True),
        run_module(module, args),
        run_module(module, args),
        run_module(module, args, check=True),
    )
    for outcome in (check, real, again, again_check):
        assert not outcome.failed, outcome.msg
    assert (check.changed, real.changed) == (True, True), (check.result, real.result)
    assert (again.changed, again_check.changed) == (False, False), (again.result, again_check.result)
    assert check["diff"] == real["diff"]
    assert sorted(check.result) == sorted(real.result) == sorted(again.result) == sorted(again_check.result)
    return check, real, again, again_check
