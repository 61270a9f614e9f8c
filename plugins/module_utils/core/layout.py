# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of one host as a pure function of its inputs: which instance has which name, port, volume and GPU."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import asdict, dataclass
from typing import Any

from .gpu_sets import GpuSets, gpu_sets
from .problems import Problem, raise_all

MAX_INSTANCES = 128
LAST_PORT = 65535
SERVICE_PREFIX = "ollama-server-"

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Instance:
    """One Ollama server of a host. ``name`` is its Compose service; ``url`` is where the host itself reaches it."""

    name: str
    index: int
    port: int
    url: str
    data_volume: str
    container: str
    gpus: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "gpus": list(self.gpus)}


@dataclass(frozen=True)
class Layout:
    """What an inventory says about the instances of one host, as given."""

    project: str
    count: int
    base_port: int
    bind_address: str
    gpus: Any = ()

    @property
    def ports(self) -> range:
        return range(self.base_port, self.base_port + self.count)


def instances(layout: Layout) -> tuple[Instance, ...]:
    """The instances 1..count; raises one error that lists everything wrong with the inputs."""
    raise_all(layout_problems(layout))
    sets = gpu_sets(layout.gpus)
    return tuple(_instance(layout, index, sets) for index in range(1, layout.count + 1))


def store_volume(project: str) -> str:
    """The name of the volume that all instances of a project share."""
    return f"{project}_models"


def reachable_host(bind_address: str) -> str:
    """The host part of a URL by which the host reaches what is published on ``bind_address``."""
    address = ipaddress.ip_address(bind_address)
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "[::1]"
    return f"[{address}]" if address.version == 6 else str(address)


def layout_problems(layout: Layout) -> list[Problem]:
    """Everything about the inputs that cannot work, whatever the host looks like."""
    checks = (_project_problem, _count_problem, _ports_problem, _bind_problem, _gpus_problem)
    found = (check(layout) for check in checks)
    return [problem for problem in found if problem is not None]


def _instance(layout: Layout, index: int, sets: GpuSets) -> Instance:
    name = f"{SERVICE_PREFIX}{index}"
    port = layout.base_port + index - 1
    return Instance(
        name=name,
        index=index,
        port=port,
        url=f"http://{reachable_host(layout.bind_address)}:{port}",
        data_volume=f"{layout.project}_data_{index}",
        container=f"{layout.project}-{name}",
        gpus=sets[(index - 1) % len(sets)] if sets else (),
    )


def _project_problem(layout: Layout) -> Problem | None:
    if _PROJECT.fullmatch(layout.project):
        return None
    return Problem(
        "bad_project",
        f"corral_project is {layout.project!r}, and Compose takes 1 to 63 lower-case letters, digits, `-` and `_`.",
        "Choose such a name; it begins with a letter or a digit.",
    )


def _count_problem(layout: Layout) -> Problem | None:
    if 1 <= layout.count <= MAX_INSTANCES:
        return None
    return Problem(
        "instance_count",
        f"corral_instance_count is {layout.count}, and a host has 1 to {MAX_INSTANCES} instances.",
        "Set it to what this host should run (the playbook teardown removes a fleet).",
        {"expected": f"1..{MAX_INSTANCES}", "found": layout.count},
    )


def _ports_problem(layout: Layout) -> Problem | None:
    last = layout.base_port + max(layout.count, 1) - 1
    if layout.base_port >= 1 and last <= LAST_PORT:
        return None
    return Problem(
        "port_range",
        f"corral_base_port {layout.base_port} with {layout.count} instances needs the ports {layout.base_port} to"
        f" {last}, and ports go from 1 to {LAST_PORT}.",
        "Set a corral_base_port with room for all instances, for example 11434.",
        {"expected": f"1..{LAST_PORT}", "found": f"{layout.base_port}..{last}"},
    )


def _bind_problem(layout: Layout) -> Problem | None:
    try:
        ipaddress.ip_address(layout.bind_address)
        return None
    except ValueError:
        return Problem(
            "bind_address",
            f"corral_bind_address is {layout.bind_address!r}, which is not an IP address.",
            "Use 127.0.0.1 (this host only, the default) or an address of this host.",
            {"found": layout.bind_address},
        )


def _gpus_problem(layout: Layout) -> Problem | None:
    try:
        gpu_sets(layout.gpus)
        return None
    except (TypeError, ValueError) as error:
        return Problem(
            "bad_gpus",
            f"corral_gpus cannot be read: {error}.",
            'Use [] (no GPU), "all", "auto", a list of devices ([0, 1]) or a list of lists ([[0, 1], [2, 3]]).',
        )
