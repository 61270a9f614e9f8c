# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running gateway for tests: what the Runtime tells and does, and what a test lets happen meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.corral.ollama.plugins.module_utils.core.gateway_stats import ServerState
from ansible_collections.corral.ollama.plugins.module_utils.gateway.errors import GONE, UNKNOWN, GatewayError


@dataclass
class FakeGateway:
    """``at[n]`` is done before the n-th reading (from 1); ``log`` is every command in its order.

    ``saved`` is what survives a kill: who is drained.
    """

    states: dict[str, ServerState] = field(default_factory=dict)
    at: dict[int, Callable[[], Any]] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    saved: set[str] = field(default_factory=set)
    readings: int = 0
    gone: bool = False
    lock: Any = field(default_factory=threading.RLock)

    def have(self, name: str, status: str = "UP", **more: Any) -> FakeGateway:
        self.states[name] = ServerState(name, status, **{"known": True, "address": "127.0.0.1", **more})
        return self

    def change(self, name: str, **more: Any) -> None:
        self.states[name] = replace(self.states[name], **more)

    def killed(self, remembers: bool = True) -> None:
        """Killed and back: nothing in flight, and the drains that it has in its file."""
        for name, state in self.states.items():
            drained = remembers and name in self.saved
            status = "DRAIN" if drained else "UP"
            self.states[name] = replace(state, status=status, drained=drained, in_flight=0, queued=0, old_in_flight=0)

    def servers(self) -> dict[str, ServerState]:
        with self.lock:
            self.readings += 1
            self.at.pop(self.readings, lambda: None)()
            self._there()
            return dict(self.states)

    def drain(self, name: str) -> None:
        with self.lock:
            self._known(name)
            self.log.append(f"drain {name}")
            status = "DRAIN" if self.states[name].status.startswith("UP") else self.states[name].status
            self.change(name, drained=True, status=status)
            self.saved.add(name)

    def ready(self, name: str, wait: float = 0.0) -> None:
        with self.lock:
            self._known(name)
            self.log.append(f"ready {name}")
            down = self.states[name].status == "DOWN"
            self.change(name, drained=False, status="DOWN" if down else "UP")
            self.saved.discard(name)

    def set_address(self, name: str, host: str, port: int) -> None:
        with self.lock:
            self._known(name)
            self.log.append(f"address {name} {host}:{port}")
            self.change(name, address=host, port=port)

    def _known(self, name: str) -> None:
        self._there()
        if name not in self.states or not self.states[name].known:
            raise GatewayError(f"no server {name}", kind=UNKNOWN)

    def _there(self) -> None:
        if self.gone:
            raise GatewayError("The gateway does not answer.", kind=GONE)
