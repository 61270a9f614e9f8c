# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a fleet on a host: facts and wishes in, a list of problems out, nothing changed."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace

from .host import HostFacts
from .layout import SERVICE_PREFIX, Layout, layout_problems
from .preflight_ports import port_problems
from .problems import Problem
from .store_users import pruner_problems
from .units import human_bytes

_STORE_FOLDERS = {"blobs", "manifests"}
# Made by mkfs, not by a person: a new file system mounted as the volume is still an empty store.
_NOT_CONTENT = {"lost+found"}


@dataclass(frozen=True)
class Wanted:
    """What the fleet needs from a host. ``require_engine`` false: a missing one gets installed after this check."""

    layout: Layout
    store_volume: str
    adopt: bool = False
    require_engine: bool = True
    min_engine: str = "20.10.0"
    min_compose: str = "2.20.0"
    reserve_bytes: int = 0
    project_dir: str = ""
    departing: frozenset[str] = frozenset()
    """Containers that will be stopped before the fleet starts: their ports become free."""
    parked: frozenset[str] = frozenset()
    """Containers that a migration stopped: while they are, the ports that they will want again are free."""
    judge_users: bool = True
    """Whether others that use the store are a problem; before a migration knows who leaves, nobody can say."""


def judge(wanted: Wanted, host: HostFacts) -> list[Problem]:
    """All problems: those of the inputs first, then the engine, the ports, the store and the disk."""
    inputs = layout_problems(wanted.layout)
    ports_usable = not {"instance_count", "port_range", "bind_address"} & {problem.kind for problem in inputs}
    return [
        *inputs,
        *([host.image_problem] if host.image_problem else []),
        *_engine_problems(wanted, host),
        *_compose_problems(wanted, host),
        *_library_problems(wanted, host),
        *_project_problems(wanted, host),
        *_name_problems(wanted, host),
        *(port_problems(wanted.layout, _without_leaving(wanted, host)) if ports_usable else []),
        *_store_problems(wanted, host),
        *(_user_problems(wanted, host) if wanted.judge_users else []),
        *_disk_problems(wanted, host),
    ]


def unsaid_gpus(host: HostFacts) -> list[str]:
    """The warning for a fleet that says nothing about GPUs, on a host that has some."""
    if not host.gpu_files:
        return []
    shown = ", ".join(host.gpu_files)
    return [
        f"Host {host.hostname} has GPUs ({shown}), and the inventory says nothing about them: its models run on the "
        "processor. corral_gpus: auto makes an instance for each GPU; corral_gpus: none says that it is meant."
    ]


def _without_leaving(wanted: Wanted, host: HostFacts) -> HostFacts:
    """The host as it will be when the departing containers are stopped; their sockets are still known as theirs."""
    stay = tuple(
        replace(use, project=wanted.layout.project)
        if use.container in wanted.departing or (not use.running and use.container in wanted.parked)
        else use
        for use in host.publications
    )
    return replace(host, publications=stay)


def _user_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    return pruner_problems(host.store_users, wanted.layout.project, wanted.store_volume, _not_beside(wanted, host))


def _not_beside(wanted: Wanted, host: HostFacts) -> set[str]:
    """Who will not start while the fleet runs: those that leave, and those that a migration has stopped."""
    stopped = {user.container for user in host.store_users if not user.running}
    return set(wanted.departing) | (set(wanted.parked) & stopped)


def older(version: str, minimum: str) -> bool:
    """Whether a dotted version is lower; what follows the numbers (``+dfsg1``, ``-rc1``) does not count."""
    return _numbers(version) < _numbers(minimum)


def _numbers(version: str) -> list[int]:
    found = [int(number) for number in re.findall(r"\d+", version.split("+")[0].split("-")[0])]
    return [*found, 0, 0, 0][:3]


def _engine_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    problem = host.engine_problem
    if problem is not None:
        later = not wanted.require_engine and problem.kind in {"engine_missing", "engine_not_answering"}
        return [] if later else [problem]
    if host.engine_version and older(host.engine_version, wanted.min_engine):
        return [
            Problem(
                "engine_too_old",
                f"The Docker engine is {host.engine_version}, and Corral needs {wanted.min_engine} or later.",
                "Upgrade the engine (an existing one is never touched by the role docker_host).",
                {"expected": wanted.min_engine, "found": host.engine_version},
            )
        ]
    if host.engine_version and not host.root_dir_reachable:
        return [
            Problem(
                "engine_elsewhere",
                f"The Docker engine keeps its data in {host.root_dir}, which does not exist on this host.",
                "Corral works on the store's files: run it on the machine of the engine, without a remote DOCKER_HOST.",
                {"found": host.root_dir},
            )
        ]
    return []


def _compose_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    if not host.engine_version and not host.compose_version:
        return []
    if not host.compose_version:
        if not wanted.require_engine:
            return []
        return [
            Problem(
                "compose_missing",
                "The Docker engine is there, and its Compose v2 plugin (`docker compose`) is not.",
                "Install docker-compose-v2 or docker-compose-plugin (the role corral.ollama.docker_host does it).",
                {"expected": wanted.min_compose, "found": ""},
            )
        ]
    if older(host.compose_version, wanted.min_compose):
        return [
            Problem(
                "compose_too_old",
                f"Docker Compose is {host.compose_version}, and Corral needs {wanted.min_compose} or later.",
                "Upgrade the Compose plugin.",
                {"expected": wanted.min_compose, "found": host.compose_version},
            )
        ]
    return []


def _library_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    if not wanted.require_engine:
        return []
    return [
        Problem(
            "missing_library",
            f"The Python interpreter of this host cannot import {name!r}.",
            f"Install python3-{name} (the role corral.ollama.docker_host does it).",
            {"library": name},
        )
        for name in host.missing_libraries
    ]


def _project_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    """Somebody else's Compose project of the same name: an ``up`` with ours would replace its containers."""
    project, ours = wanted.layout.project, posixpath.normpath(wanted.project_dir or "/")
    named = {container.directory for container in host.containers if container.project == project}
    found = {directory for directory in named if wanted.project_dir and posixpath.normpath(directory or ours) != ours}
    return [
        Problem(
            "foreign_project",
            f"A Compose project named {project} was already started from {directory}, not from {ours}.",
            "Choose another corral_project, or take that project down first.",
            {"expected": ours, "found": directory},
        )
        for directory in sorted(found)
    ]


def _name_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    """Containers of others under the names of ours: the engine would refuse to make ours."""
    project = wanted.layout.project
    ours = re.compile(rf"{re.escape(project)}-{SERVICE_PREFIX}([0-9]+)")
    taken = [container.name for container in host.containers if container.project != project]
    return [
        Problem(
            "container_name",
            f"A container named {name} exists that does not belong to the Compose project {project}.",
            "Remove or rename it, or choose another corral_project.",
            {"container": name},
        )
        for name, match in ((name, ours.fullmatch(name)) for name in taken)
        if match and 1 <= int(match.group(1)) <= wanted.layout.count
    ]


def _store_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    store, project = host.store, wanted.layout.project
    content = [name for name in store.entries if name not in _NOT_CONTENT]
    facts = {"volume": store.name, "path": store.mountpoint, "expected": project, "found": store.owner or ""}
    where = f"The volume {store.name} ({store.mountpoint})"
    if store.mounted_from and not store.reachable:
        # not mounted now: the role model_store sees to it, and then the module store judges what is in it
        return []
    if store.exists and not store.reachable:
        return [
            Problem("store_unreachable", f"{where} cannot be read on this host.", "Run as root there.", facts),
        ]
    if not store.exists or not content or store.owner == project:
        return []
    if store.owner is not None:
        message = f"{where} is the store of the project {store.owner}, not of {project}."
        return [Problem("foreign_store", message, "Choose another corral_project or store volume.", facts)]
    shown = ", ".join(content[:5]) + (", …" if len(content) > 5 else "")
    if not _STORE_FOLDERS & set(content):
        message = f"{where} already holds something that is not an Ollama store: {shown}."
        return [Problem("foreign_store", message, "Choose another store volume, or empty this one yourself.", facts)]
    if wanted.adopt:
        return []
    message = f"{where} already holds an Ollama store that Corral did not make: {shown}."
    remedy = "Set corral_adopt_store=true to take it over as it is, or choose another store volume."
    return [Problem("foreign_store", message, remedy, facts)]


def _disk_problems(wanted: Wanted, host: HostFacts) -> list[Problem]:
    facts = {"path": host.disk_path, "expected": wanted.reserve_bytes, "found": host.free_bytes}
    remedy = "Free space there, or lower the reserve if you know better."
    if host.free_bytes is not None and host.free_bytes < max(wanted.reserve_bytes, 1):
        message = (
            f"The file system of {host.disk_path} has {human_bytes(host.free_bytes)} free, and Corral leaves"
            f" {human_bytes(wanted.reserve_bytes)} of it free."
        )
        return [Problem("no_space", message, remedy, facts)]
    if host.free_inodes == 0:
        return [Problem("no_space", f"The file system of {host.disk_path} has no free inode.", remedy, facts)]
    return []
