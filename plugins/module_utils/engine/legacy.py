# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a host with their mounts, for whoever looks for models in them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from ..core.legacy import Legacy, Mount
from ..core.libraries import require
from .client import inspect
from .containers import CORRAL_PROJECT, DIRECTORY, PROJECT, SERVICE

FILES = "com.docker.compose.project.config_files"


def all_containers(api: Any) -> tuple[Legacy, ...]:
    """Every container that is not an instance, puller or helper of Corral's, in the order of their names."""
    found = []
    for entry in api.containers(all=True):
        if CORRAL_PROJECT in (entry.get("Labels") or {}):
            continue
        container = inspect(api, entry["Id"])
        if container is not None:
            found.append(_container(api, container))
    return tuple(sorted(found, key=lambda one: one.name))


def volume_mount(api: Any, name: str) -> Mount | None:
    """A volume by its name, as if it were mounted at ``/``; ``None`` without such a volume."""
    try:
        volume = api.inspect_volume(name)
    except require("docker").errors.NotFound:
        return None
    return _volume(volume, "/", True, "")


def models_in_own_layer(api: Any, container: Legacy) -> bool:
    """Whether the container itself, and no mount, holds manifests: those are gone when it is removed."""
    where = posixpath.join(container.models_directory, "manifests") + "/"
    return any(str(change.get("Path", "")).startswith(where) for change in api.diff(container.id) or [])


def _container(api: Any, container: Mapping[str, Any]) -> Legacy:
    config, host = container["Config"], container["HostConfig"]
    labels = config.get("Labels") or {}
    files = str(labels.get(FILES, ""))
    return Legacy(
        name=container["Name"].lstrip("/"),
        id=container["Id"],
        image=config["Image"],
        running=container["State"]["Status"] in ("running", "paused", "restarting"),
        restart_policy=(host.get("RestartPolicy") or {}).get("Name") or "no",
        restart_retries=int((host.get("RestartPolicy") or {}).get("MaximumRetryCount") or 0),
        auto_remove=bool(host.get("AutoRemove")),
        compose_project=labels.get(PROJECT, ""),
        service=labels.get(SERVICE, ""),
        compose_directory=labels.get(DIRECTORY, ""),
        compose_files=tuple(file for file in files.split(",") if file),
        ports=_ports(host),
        env=_environment(config.get("Env") or []),
        mounts=tuple(_mount(api, mount, host) for mount in container.get("Mounts") or []),
    )


def _environment(lines: list[str]) -> dict[str, str]:
    """Only what is Ollama's own: the rest may hold secrets, and a result is printed and kept."""
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, _equals, value in pairs if name.startswith("OLLAMA_") or name == "HOME"}


def _ports(host: Mapping[str, Any]) -> tuple[tuple[str, str, int], ...]:
    bound = host.get("PortBindings") or {}
    return tuple(
        (private, binding.get("HostIp") or "0.0.0.0", int(binding["HostPort"]))
        for private, bindings in sorted(bound.items())
        for binding in bindings or []
        if str(binding.get("HostPort", "")).isdigit()
    )


def _mount(api: Any, mount: Mapping[str, Any], host: Mapping[str, Any]) -> Mount:
    kind, destination = str(mount.get("Type", "")), posixpath.normpath(mount["Destination"])
    writable, source, name = bool(mount.get("RW", True)), str(mount.get("Source", "")), str(mount.get("Name", ""))
    if kind == "volume":
        try:
            volume = api.inspect_volume(name)
        except require("docker").errors.NotFound:
            return Mount(kind, destination, source, name, writable, "the engine does not know the volume any more")
        return _volume(volume, destination, writable, _sub_path(host, destination))
    problem = "" if kind == "bind" else f"it is a mount of the type {kind or 'unknown'}, which has no place on the host"
    return Mount(kind, destination, source, "", writable, problem)


def _volume(volume: Mapping[str, Any], destination: str, writable: bool, sub_path: str) -> Mount:
    """A volume that the engine mounts only while a container uses it cannot be read when its users are stopped."""
    driver, options = volume.get("Driver", "local"), volume.get("Options") or {}
    source, device, problem = str(volume.get("Mountpoint", "")), str(options.get("device", "")), ""
    if driver != "local":
        problem = f"its driver is {driver}, so its files are no plain directory of this host"
    elif device.startswith("/") and "bind" in str(options.get("o", "")).split(","):
        source = device
    elif device:
        problem = f"the engine mounts {device} there only while a container uses it"
    if sub_path:
        source = posixpath.join(source, sub_path)
    return Mount("volume", destination, source, volume["Name"], writable, problem)


def _sub_path(host: Mapping[str, Any], destination: str) -> str:
    """The part of the volume that is mounted (``volume-subpath``), "" for all of it."""
    for wanted in host.get("Mounts") or []:
        if posixpath.normpath(str(wanted.get("Target", ""))) == destination:
            return str((wanted.get("VolumeOptions") or {}).get("Subpath") or "").strip("/")
    return ""
