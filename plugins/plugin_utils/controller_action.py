# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins that work on the controller, once for all hosts, have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from ansible.plugins.action import ActionBase

from ..module_utils.core.errors import CorralError


class ControllerAction(ActionBase):
    """Runs once for all hosts and touches none of them. ``SPEC`` is the argument spec of its module."""

    BYPASS_HOST_LOOP = True
    TRANSFERS_FILES = False
    _requires_connection = False

    SPEC: ClassVar[Mapping[str, Any]]

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(argument_spec=self.SPEC)
        try:
            result.update(self._work(options, task_vars or {}))
        except CorralError as error:
            result.update(failed=True, msg=str(error), error=error.as_dict())
        return {"changed": False, **result}

    @abstractmethod
    def _work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """The result without ``changed``, which it may have. What is wrong is raised as ``CorralError``."""
