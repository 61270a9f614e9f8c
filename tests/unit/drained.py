# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three instances in service, one of which is to be drained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.corral.ollama.plugins.module_utils.glue import drain as glue
from ansible_collections.corral.ollama.plugins.module_utils.glue import drain_wait, gateway_door
from ansible_collections.corral.ollama.plugins.module_utils.glue.rollout_file import RolloutFile
from ansible_collections.corral.ollama.plugins.modules import drain
from ansible_collections.corral.ollama.tests.unit.fake_gateway import FakeGateway
from ansible_collections.corral.ollama.tests.unit.plugins.modules.harness import Outcome, run_module
from ansible_collections.corral.ollama.tests.unit.rollout_begun import begun, paths
from ansible_collections.corral.ollama.tests.unit.scripted_server import ScriptedServer, ok, recorded

NAMES = ("ollama-server-1", "ollama-server-2", "ollama-server-3")
FOREVER = {"name": "tiny:1b", "digest": "a" * 64, "size": 9, "size_vram": 4, "expires_at": "2319-01-01T00:00:00Z"}


@dataclass
class Host:
    gateway: FakeGateway
    servers: dict[str, ScriptedServer]
    roll: RolloutFile


@contextmanager
def leaving(folder: Path) -> Iterator[Host]:
    """All are in service, and the record has a rollout that is about all of them."""
    gateway = FakeGateway()
    with ExitStack() as stack:
        servers = {name: stack.enter_context(ScriptedServer()) for name in NAMES}
        for name, server in servers.items():
            gateway.have(name)
            server.on("GET", "/api/version", recorded("version")).on("GET", "/api/ps", ok({"models": [FOREVER]}))
        stack.enter_context(mock.patch.object(gateway_door, "Runtime", return_value=gateway))
        for room, step in ((drain_wait, "STEP"), (glue, "_WAIT_STEP"), (gateway_door, "_STEP")):
            stack.enter_context(mock.patch.object(room, step, 0.001))
        yield Host(gateway, servers, begun(folder, {name: {} for name in NAMES}))


def args(roll: RolloutFile, fleet: dict[str, ScriptedServer], *batch: str, **more: Any) -> dict[str, Any]:
    listed = [{"name": name, "url": server.url, "state": "running"} for name, server in fleet.items()]
    ours = [one for one in listed if one["name"] in batch]
    base = {**paths(roll), "instances": ours, "others": listed, "run_dir": "/run/gateway", "timeout": 1}
    return {**base, "healthy_deadline": 0.2, **more}


def leave(
    roll: RolloutFile, fleet: dict[str, ScriptedServer], *batch: str, check: bool = False, **more: Any
) -> Outcome:
    """Drain the batch, which is the first instance unless it is named."""
    return run_module(drain, args(roll, fleet, *(batch or NAMES[:1]), **more), check=check)
