# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a host: all of them in short, those of one Compose project in full."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.host import Neighbour, Publication
from ..core.layout import SERVICE_PREFIX, reachable_host
from .client import inspect

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
ONEOFF = "com.docker.compose.oneoff"
DIRECTORY = "com.docker.compose.project.working_dir"
API_PORT = "11434/tcp"
GATEWAY = "gateway"
CORRAL_PROJECT = "corral.project"
CORRAL_PULLER = "corral.puller"
_NODES = "/dev/dri/renderD"
_GPU_FILES = ("/dev/nvidia", "/dev/dri", "/dev/kfd")
# Of a container in these states the engine keeps the ports, and does not list them.
_HOLDING = ("restarting", "paused")


def neighbours(listed: list[dict[str, Any]]) -> tuple[Neighbour, ...]:
    """Every container of ``api.containers(all=True)``."""
    return tuple(_neighbour(entry) for entry in listed)


def puller(listed: list[dict[str, Any]], project: str) -> str:
    """The container that pulls for the project, "" without one."""
    ours = (one for one in listed if CORRAL_PULLER in _labels(one) and _labels(one).get(CORRAL_PROJECT) == project)
    return next((container_name(entry) for entry in ours), "")


def publications(api: Any, listed: list[dict[str, Any]]) -> tuple[Publication, ...]:
    """The TCP host ports of running containers, and those that stopped Compose services will want again."""
    found: list[Publication] = []
    for entry in listed:
        if entry.get("State") == "running":
            found += _published(entry)
        elif _labels(entry).get(PROJECT) and _labels(entry).get(ONEOFF, "False") != "True":
            found += _claimed(api, entry, entry.get("State") in _HOLDING)
    return tuple(dict.fromkeys(found))


def project_containers(api: Any, project: str) -> list[dict[str, Any]]:
    """The containers of a project's services as the engine lists them, one-off ones left out."""
    filters = {"label": [f"{PROJECT}={project}", f"{ONEOFF}=False"]}
    return list(api.containers(all=True, filters=filters))


def project_instances(api: Any, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The instances among a project's containers in the order of their numbers, from one inspection of each."""
    return [instance_row(container) for container in inspected_instances(api, listed)]


def inspected_instances(api: Any, listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same as the engine itself tells them."""
    found = [inspect(api, entry["Id"]) for entry in listed if is_instance(entry)]
    return sorted((container for container in found if container is not None), key=_number)


def project_gateway(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """The gateway among a project's containers; {} when the fleet has none."""
    found = (entry for entry in listed if _labels(entry).get(SERVICE) == GATEWAY)
    for entry in found:
        state = entry.get("State", "")
        return {"container": container_name(entry), "id": entry["Id"], "state": state, "image": entry["Image"]}
    return {}


def _neighbour(entry: Mapping[str, Any]) -> Neighbour:
    labels = _labels(entry)
    return Neighbour(container_name(entry), labels.get(PROJECT, ""), labels.get(SERVICE, ""), labels.get(DIRECTORY, ""))


def _published(entry: Mapping[str, Any]) -> list[Publication]:
    owner = _neighbour(entry)
    return [
        Publication(port.get("IP") or "0.0.0.0", port["PublicPort"], owner.name, owner.project, owner.service)
        for port in entry.get("Ports") or []
        if port.get("PublicPort") and port.get("Type", "tcp") == "tcp"
    ]


def _claimed(api: Any, entry: Mapping[str, Any], holding: bool) -> list[Publication]:
    owner = _neighbour(entry)
    container = inspect(api, entry["Id"])
    wanted = container["HostConfig"].get("PortBindings") or {} if container else {}
    return [
        Publication(
            binding.get("HostIp") or "0.0.0.0",
            int(binding["HostPort"]),
            owner.name,
            owner.project,
            owner.service,
            running=holding,
        )
        for private, bindings in wanted.items()
        for binding in bindings or []
        if private.endswith("/tcp") and str(binding.get("HostPort", "")).isdigit()
    ]


def instance_row(container: Mapping[str, Any]) -> dict[str, Any]:
    """An instance in the words of ``instance_info``, from its inspection."""
    state, config = container["State"], container["Config"]
    address, port = _endpoint(container)
    return {
        "name": config["Labels"][SERVICE],
        "container": container["Name"].lstrip("/"),
        "id": container["Id"],
        "state": state["Status"],
        "health": (state.get("Health") or {}).get("Status", ""),
        "exit_code": state.get("ExitCode", 0),
        "image": config["Image"],
        "image_digest": container["Image"].split(":")[-1],
        "created_at": container["Created"],
        "started_at": state["StartedAt"],
        "restarts": container.get("RestartCount", 0),
        "oom_killed": bool(state.get("OOMKilled")),
        "url": f"http://{reachable_host(address)}:{port}" if port else "",
        "port": port,
        "volumes": [_volume(mount) for mount in container.get("Mounts") or []],
        "gpus": requested_gpus(container["HostConfig"]),
    }


def _endpoint(container: Mapping[str, Any]) -> tuple[str, int]:
    """Where the API is published now, or (stopped) will be; ("0.0.0.0", 0) for nowhere."""
    running = (container.get("NetworkSettings") or {}).get("Ports") or {}
    configured = container["HostConfig"].get("PortBindings") or {}
    for binding in [*(running.get(API_PORT) or []), *(configured.get(API_PORT) or [])]:
        if str(binding.get("HostPort", "")).isdigit():
            return binding.get("HostIp") or "0.0.0.0", int(binding["HostPort"])
    return "0.0.0.0", 0


def _volume(mount: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": mount.get("Name", ""),
        "source": mount.get("Source", ""),
        "destination": mount["Destination"],
        "read_only": not mount.get("RW", True),
    }


def requested_gpus(host_config: Mapping[str, Any]) -> list[str]:
    """The GPUs that a container was made with, called as an inventory calls them in whatever way they are given: by
    index, UUID or render node; ["all"] for all of them."""
    counts = [request.get("Count") for request in host_config.get("DeviceRequests") or []]
    nodes = [path.rpartition("/")[2] for path in _files(host_config) if path.startswith(_NODES)]
    named = [*_requested(host_config), *nodes]
    return ["all"] if -1 in counts or "all" in named else named


def given_gpus(host_config: Mapping[str, Any]) -> tuple[str, ...]:
    """However a container gets GPUs: by requests, those by CDI included (``nvidia.com/gpu=0``), or device files."""
    every = ["all"] if "all" in requested_gpus(host_config) else _requested(host_config)
    return (*every, *(path for path in _files(host_config) if path.startswith(_GPU_FILES)))


def _requested(host_config: Mapping[str, Any]) -> list[str]:
    requests = host_config.get("DeviceRequests") or []
    return [str(device).rpartition("=")[2] for request in requests for device in request.get("DeviceIDs") or []]


def _files(host_config: Mapping[str, Any]) -> list[str]:
    return [str(device.get("PathOnHost") or "") for device in host_config.get("Devices") or []]


def environment(config: Mapping[str, Any]) -> dict[str, str]:
    """Of the ``Config`` of a container or an image; a name without a value is left out."""
    pairs = (str(entry).partition("=") for entry in config.get("Env") or [])
    return {name: value for name, equals, value in pairs if equals}


def _labels(entry: Mapping[str, Any]) -> Mapping[str, str]:
    return entry.get("Labels") or {}


def is_instance(entry: Mapping[str, Any]) -> bool:
    """Whether a container, as the engine lists it, is an instance of whatever project."""
    return _labels(entry).get(SERVICE, "").startswith(SERVICE_PREFIX)


def container_name(entry: Mapping[str, Any]) -> str:
    """The container's own name: legacy links add further ones with more slashes."""
    names = sorted((name.lstrip("/") for name in entry.get("Names") or []), key=lambda name: name.count("/"))
    return names[0] if names else str(entry["Id"])[:12]


def _number(container: Mapping[str, Any]) -> tuple[int, str]:
    digits = container["Config"]["Labels"][SERVICE][len(SERVICE_PREFIX) :]
    return (int(digits) if digits.isdigit() else 0), container["Name"]
