# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway as a rolling change uses it: one that is gone for a while is waited for, and one may do without."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ..core.errors import CorralError
from ..core.gateway_stats import ServerState
from ..gateway.errors import GONE
from ..gateway.runtime import Runtime

Answer = TypeVar("Answer")
_STEP = 0.2


def _nothing() -> None:
    """Nobody has to know that this still works."""


@dataclass
class Door:
    """``runtime`` is None without a gateway. Every call waits up to ``patience`` seconds for a gateway that is gone;
    ``check`` is called while waiting, and raises when nothing more may be done."""

    runtime: Runtime | None
    patience: float = 300.0
    check: Callable[[], None] = _nothing
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def servers(self) -> Mapping[str, ServerState]:
        """By name; empty without a gateway."""
        return self._patiently(lambda runtime: runtime.servers()) or {}

    def state(self, name: str) -> ServerState | None:
        """None for what the gateway does not know."""
        return self.servers().get(name)

    def drain(self, name: str) -> None:
        """No new requests; what runs goes on. Survives a reload and a kill of the gateway."""
        self._patiently(lambda runtime: runtime.drain(name))

    def ready(self, name: str) -> None:
        """Requests as soon as its check says that it is up."""
        self._patiently(lambda runtime: runtime.ready(name))

    def move(self, name: str, host: str, port: int) -> None:
        self._patiently(lambda runtime: runtime.set_address(name, host, port))

    def _patiently(self, call: Callable[[Runtime], Answer]) -> Answer | None:
        if self.runtime is None:
            return None
        until = self.clock() + self.patience
        while True:
            self.check()
            try:
                return call(self.runtime)
            except CorralError as error:
                if error.kind != GONE or self.clock() >= until:
                    raise
            self.sleep(_STEP)


def door_to(run_dir: str, timeout: float, patience: float) -> Door:
    """``run_dir`` is empty without a gateway."""
    return Door(Runtime(run_dir, timeout) if run_dir else None, patience)
