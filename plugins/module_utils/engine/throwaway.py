# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself, or of the GPUs that it is given: one command in a container without network, mounts and
rights, which goes again whatever happens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from ..core.libraries import require
from .containers import CORRAL_PROJECT

LABEL = "corral.throwaway"
_OUTPUT = 32768
_LINES = 200
_ABANDONED = 600.0
"""Seconds after which such a container is one that a killed run left behind."""


def version_output(api: Any, image: str, project: str, timeout: float) -> tuple[str, str]:
    """(what ``ollama --version`` of the image printed, why it said nothing)."""
    # The official image asks for all GPUs, which an engine with NVIDIA's runtime as its default would give.
    environment = {"HOME": "/tmp", "NVIDIA_VISIBLE_DEVICES": "void"}
    made = {"entrypoint": ["ollama"], "command": ["--version"], "environment": environment}
    return _output(api, image, project, timeout, made, {})


def gpu_output(
    api: Any, image: str, project: str, timeout: float, command: Sequence[str], given: Mapping[str, Any]
) -> tuple[str, str]:
    """(what a command of the image printed that was given GPUs, why it said nothing). ``given`` is a service of Compose
    as ``core.gpu_sets.gpu_service`` has it, and the container gets the same."""
    docker = require("docker")
    reserved = given.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    requests = [
        docker.types.DeviceRequest(
            driver=one["driver"],
            count=-1 if one.get("count") == "all" else 0,
            device_ids=list(one.get("device_ids", [])),
            capabilities=[list(one["capabilities"])],
        )
        for one in reserved
    ]
    environment = {"HOME": "/tmp", "NVIDIA_DRIVER_CAPABILITIES": "compute,utility"}
    made = {"entrypoint": [command[0]], "command": list(command[1:]), "environment": environment}
    host = {"devices": list(given.get("devices", []))} if given.get("devices") else {"device_requests": requests}
    return _output(api, image, project, timeout, made, host)


def _output(
    api: Any, image: str, project: str, timeout: float, made: Mapping[str, Any], host: Mapping[str, Any]
) -> tuple[str, str]:
    docker, requests = require("docker"), require("requests")
    _sweep(api, project)
    container = ""
    try:
        container = _created(api, image, project, made, host)
        api.start(container)
        api.wait(container, timeout=timeout)
        text = api.logs(container, stdout=True, stderr=True, tail=_LINES)
        return bytes(text)[:_OUTPUT].decode("utf-8", "replace"), ""
    except docker.errors.APIError as error:
        return "", f"the engine could not run it: {error.explanation}"
    except requests.RequestException:
        return "", f"it did not end within {timeout:g} s"
    finally:
        _remove(api, container)


def _created(api: Any, image: str, project: str, container: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    host_config = api.create_host_config(
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        pids_limit=512,
        # Whatever the engine's own driver is: this one can be read.
        log_config={"type": "json-file", "config": {"max-size": "1m"}},
        **host,
    )
    made = api.create_container(
        f"sha256:{image}",
        name=f"{project}-throwaway-{secrets.token_hex(4)}",
        labels={CORRAL_PROJECT: project, LABEL: "version"},
        healthcheck={"test": ["NONE"]},
        host_config=host_config,
        **container,
    )
    return str(made["Id"])


def _sweep(api: Any, project: str) -> None:
    """Those of killed runs. One that is young may be another run's."""
    filters = {"label": [f"{CORRAL_PROJECT}={project}", f"{LABEL}=version"]}
    for entry in api.containers(all=True, filters=filters):
        if time.time() - float(entry.get("Created") or 0) > _ABANDONED:
            _remove(api, entry["Id"])


def _remove(api: Any, container: str) -> None:
    # Gone already, or an engine that fails now: nothing rests on it, and the next run sweeps.
    with suppress(require("docker").errors.APIError, require("requests").RequestException):
        if container:
            api.remove_container(container, force=True, v=True)
