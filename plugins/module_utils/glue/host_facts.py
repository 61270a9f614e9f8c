# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gather what preflight judges: the engine's answers, the kernel's sockets, the store's marker, the disk."""

from __future__ import annotations

import glob
import importlib.util
import json
import os
import platform
import stat
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.digests import sha256_bytes
from ..core.errors import CorralError
from ..core.host import HostFacts, Listener, StoreFacts
from ..core.layout import Layout
from ..core.preflight_ports import leaked
from ..core.problems import Problem, as_problem
from ..engine import containers, images, ports, volumes
from ..engine.client import compose_version, connect, speaking, without_library
from ..engine.store_users import store_users
from ..store.files import NotAFile, read_plain
from ..store.layout import store_at
from ..store.lease import LeaseFile
from ..store.preparing import mount_under

BOOT_ID = "/proc/sys/kernel/random/boot_id"
DEFAULT_ROOT_DIR = "/var/lib/docker"
GPU_FILES = ("/dev/nvidia[0-9]*", "/dev/kfd")
LIBRARIES = ("requests", "docker", "yaml")
_SECOND_LOOK = 1.0
_MARKER_LIMIT = 64 * 1024
_PROJECT_FILE_LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Question:
    """What to look for."""

    layout: Layout
    image: str
    store_volume: str
    project_dir: str = ""


def gather(question: Question) -> HostFacts:
    """Everything about this host, whatever is missing; reads only."""
    missing = tuple(name for name in LIBRARIES if importlib.util.find_spec(name) is None)
    facts: dict[str, Any] = {
        "hostname": platform.node(),
        "boot_id": _first_line(BOOT_ID),
        "missing_libraries": missing,
        "compose_version": compose_version(),
        "project_file": _project_file(question.project_dir),
        "bindable": ports.bindable(question.layout.bind_address),
        "gpu_files": tuple(sorted(path for pattern in GPU_FILES for path in glob.glob(pattern))),
        "store": StoreFacts(question.store_volume),
    }
    engine = _engine(question, missing)
    listeners = _listeners(question.layout, engine)
    if "engine_version" in engine and leaked(question.layout, listeners, engine["publications"]):
        # Between the two looks a container may have come or gone: that is no leak.
        time.sleep(_SECOND_LOOK)
        engine = _engine(question, missing)
        listeners = _listeners(question.layout, engine)
    facts.update(engine)
    facts.update(_disk_facts(facts["store"], facts.get("root_dir", DEFAULT_ROOT_DIR)))
    return HostFacts(**facts, listeners=listeners)


def _engine(question: Question, missing: Collection[str]) -> dict[str, Any]:
    """What the engine says, or why it says nothing."""
    if missing:
        absent = without_library()
        return {"engine_problem": as_problem(absent)} if absent else {}
    try:
        return _engine_facts(connect(), question)
    except CorralError as error:
        return {"engine_problem": as_problem(error)}


def _listeners(layout: Layout, facts: Mapping[str, Any]) -> tuple[Listener, ...]:
    known = {use.port for use in facts.get("publications", ()) if use.running}
    return ports.listeners(layout.ports, known)


def _engine_facts(api: Any, question: Question) -> dict[str, Any]:
    with speaking():
        info, listed = api.info(), api.containers(all=True)
        image_id, digests, problem = _image_facts(api, question.image)
        place = volumes.place(api, question.store_volume)
        return {
            "engine_version": info["ServerVersion"],
            "api_version": str(api.api_version),
            "engine_id": info["ID"],
            "root_dir": info["DockerRootDir"],
            "root_dir_reachable": os.path.isdir(info["DockerRootDir"]),
            "containers": containers.neighbours(listed),
            "publications": containers.publications(api, listed),
            "store": _with_puller(
                _store_facts(question.store_volume, place),
                containers.puller(listed, question.layout.project),
            ),
            "store_users": store_users(api, listed, question.store_volume, place[0] if place else ""),
            "image_id": image_id,
            "image_digests": digests,
            "image_problem": problem,
            "instance_images": images.of_instances(listed, question.layout.project),
        }


def _image_facts(api: Any, image: str) -> tuple[str, tuple[str, ...], Problem | None]:
    if not image:
        return "", (), None
    try:
        return (*images.present(api, image), None)
    except CorralError as error:
        return "", (), as_problem(error)


def _store_facts(name: str, place: tuple[str, str] | None) -> StoreFacts:
    if place is None:
        return StoreFacts(name)
    path, source = place
    facts = StoreFacts(name, exists=True, mountpoint=path, mounted_from=source)
    if source and not _is_mounted(path):
        return replace(facts, reachable=False)
    try:
        entries = tuple(sorted(os.listdir(path)))
    except OSError:
        return replace(facts, reachable=False)
    return replace(facts, entries=entries, owner=_marker(path))


def _is_mounted(path: str) -> bool:
    """While no container has the volume, its folder is empty, or not there."""
    mount = mount_under(path)
    return mount is not None and os.path.isdir(path) and mount.point == os.path.realpath(path)


def _with_puller(store: StoreFacts, puller: str) -> StoreFacts:
    """A puller works under the lease of its job; without one that is live, nobody will ever stop it."""
    if not puller or not store.mountpoint or not store.reachable:
        return store
    lease = LeaseFile(store_at(store.mountpoint)).read()
    return store if lease is not None and lease.live(time.time()) else replace(store, abandoned_puller=puller)


def _marker(path: str) -> str | None:
    """The project that the store's marker names; None without a marker that can be read."""
    try:
        project = json.loads(read_plain(store_at(path).owner, _MARKER_LIMIT))["project"]
    except (OSError, NotAFile, ValueError, KeyError, TypeError):
        return None
    return project if isinstance(project, str) else None


def _project_file(folder: str) -> str:
    path = os.path.join(folder, "compose.yml")
    try:
        content = read_plain(path, _PROJECT_FILE_LIMIT)
        return f"{stat.S_IMODE(os.lstat(path).st_mode):04o} {sha256_bytes(content)}"
    except (OSError, NotAFile):
        return ""


def _disk_facts(store: StoreFacts, root_dir: str) -> dict[str, Any]:
    """Of the file system that holds, or will hold, the store: the nearest directory that exists."""
    path = store.mountpoint or root_dir
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    try:
        found = os.statvfs(path)
    except OSError:
        return {}
    return {
        "disk_path": path,
        "free_bytes": found.f_bavail * found.f_frsize,
        "total_bytes": found.f_blocks * found.f_frsize,
        # File systems that make inodes as they need them say 0 of 0.
        "free_inodes": found.f_favail if found.f_files else None,
    }


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.readline().strip()
    except OSError:
        return ""
