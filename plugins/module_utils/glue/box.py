# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container of an instance while it comes up and while it is watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..core.admission_verdict import last_lines, newest
from ..core.errors import CorralError
from ..engine.client import connect, speaking
from ..engine.containers import SERVICE, project_containers, project_instances
from ..engine.logs import tail

_MISSING_LIBRARY = "missing_library"

Answer = TypeVar("Answer")


@dataclass
class Box:
    """One service's container. An engine that does not answer (it may be restarting) is asked again by the next look;
    ``trouble`` is its last error."""

    project: str
    name: str
    timeout: float
    trouble: CorralError | None = None
    _api: Any = field(default=None, repr=False)

    def find(self) -> Mapping[str, Any] | None:
        """The entry of the service's container as in instance_info, None without one or without an engine."""

        def newest_one(api: Any) -> Mapping[str, Any] | None:
            listed = project_containers(api, self.project)
            ours = [entry for entry in listed if (entry.get("Labels") or {}).get(SERVICE) == self.name]
            return newest(project_instances(api, ours), self.name)

        return self._ask(newest_one)

    def look(self, container: str) -> Mapping[str, Any] | None:
        """The same for a container that is known."""
        known = {"Id": container, "Labels": {SERVICE: self.name}}
        return self._ask(lambda api: next(iter(project_instances(api, [known])), None))

    def last_lines(self, container: str, lines: int) -> list[str]:
        """What it said last; nothing when that cannot be had."""
        return self._ask(lambda api: last_lines(tail(api, container, lines), lines)) or []

    def _ask(self, question: Callable[[Any], Answer]) -> Answer | None:
        self.trouble = None
        try:
            if self._api is None:
                self._api = connect(self.timeout)
            with speaking():
                return question(self._api)
        except CorralError as error:
            if error.kind == _MISSING_LIBRARY:
                raise
            self.trouble, self._api = error, None
            return None
