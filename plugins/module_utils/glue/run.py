# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How every module runs: desired → actual → plan → apply → exit, with one gate for check mode and one for errors."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..core.errors import CorralError
from ..core.plans import Plan


@dataclass(frozen=True)
class Work:
    """What a module worked out before it changes anything.

    ``apply`` does the plan's steps and returns the results that only doing can know; ``result`` is what both
    modes return. Keys that ``apply`` returns override those of ``result``; ``changed`` among them overrides the
    plan's, for what only the deed can tell (a pull that left the digest as it was). ``warnings`` in a result are
    given out after those of the plan.
    """

    plan: Plan = field(default_factory=Plan)
    result: Mapping[str, Any] = field(default_factory=dict)
    apply: Callable[[], Mapping[str, Any]] | None = None


def run(module: AnsibleModule, prepare: Callable[[Mapping[str, Any]], Work]) -> None:
    """Call ``prepare(params)``, apply its plan unless in check mode, and exit in the same shape in both."""
    try:
        work = prepare(module.params)
        result = dict(work.result)
        if work.plan.changed and work.apply is not None and not module.check_mode:
            result.update(work.apply())
    except CorralError as error:
        module.fail_json(msg=str(error), error=error.as_dict(), exception=traceback.format_exc())
    for warning in (*work.plan.warnings, *result.pop("warnings", ())):
        module.warn(warning)
    module.exit_json(
        changed=bool(result.pop("changed", work.plan.changed)),
        diff=work.plan.diff,
        steps=[step.as_dict() for step in work.plan.steps],
        **result,
    )
