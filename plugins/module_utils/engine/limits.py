# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance may use: its environment as it is in force, its memory, its GPUs, and what it computes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.engine_time import engine_time
from ..core.inference_compute import Device, devices
from ..core.log_since import fixed
from .client import EngineError, inspect
from .containers import SERVICE, environment, is_instance, project_containers, requested_gpus
from .log_stream import LogStream

_LINES = 2000
"""A server names its devices before it serves; more of its log is not read."""


@dataclass(frozen=True)
class Limits:
    """``memory`` in bytes, 0 for no limit; ``gpus`` as in ``engine.containers``."""

    name: str
    environment: Mapping[str, str]
    memory: int
    gpus: tuple[str, ...]
    devices: tuple[Device, ...] = ()


def limits(api: Any, project: str) -> list[Limits]:
    """Of the running instances of a project."""
    listed = (entry for entry in project_containers(api, project) if is_instance(entry))
    found = (inspect(api, entry["Id"]) for entry in listed if entry.get("State") == "running")
    return [_limits(api, container) for container in found if container is not None]


def _limits(api: Any, container: dict[str, Any]) -> Limits:
    config, host = container["Config"], container["HostConfig"]
    memory = host.get("Memory")
    limit = memory if isinstance(memory, int) and memory > 0 else 0
    gpus = tuple(map(str, requested_gpus(host)))
    return Limits(config["Labels"][SERVICE], environment(config), limit, gpus, devices_of(api, container))


def devices_of(api: Any, container: dict[str, Any]) -> tuple[Device, ...]:
    """From the beginning of the log since the container's last start; () where that is gone, or cannot be read."""
    start = fixed(str(container["State"].get("StartedAt") or ""))
    try:
        return devices(_first_lines(LogStream(api, container, start, int(engine_time(start))))) if start else ()
    except EngineError:
        return ()


def _first_lines(log: LogStream) -> Iterator[str]:
    """Until the server has named its devices: it does so in one go."""
    named = False
    for number, line in enumerate(log):
        ours = "inference compute" in line[2]
        if number >= _LINES or (named and not ours):
            return
        named = named or ours
        yield line[2]
