# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image says of itself: one command in a container without network, mounts, GPUs and rights, which goes again
whatever happens."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from typing import Any

from ..core.libraries import require
from .containers import CORRAL_PROJECT

LABEL = "corral.throwaway"
_OUTPUT = 4096
_ABANDONED = 600.0
"""Seconds after which such a container is one that a killed run left behind."""


def version_output(api: Any, image: str, project: str, timeout: float) -> tuple[str, str]:
    """(what ``ollama --version`` of the image printed, why it said nothing)."""
    docker, requests = require("docker"), require("requests")
    _sweep(api, project)
    container = ""
    try:
        container = _created(api, image, project)
        api.start(container)
        api.wait(container, timeout=timeout)
        text = api.logs(container, stdout=True, stderr=True, tail=20)
        return bytes(text)[:_OUTPUT].decode("utf-8", "replace"), ""
    except docker.errors.APIError as error:
        return "", f"the engine could not run it: {error.explanation}"
    except requests.RequestException:
        return "", f"it did not end within {timeout:g} s"
    finally:
        _remove(api, container)


def _created(api: Any, image: str, project: str) -> str:
    host = api.create_host_config(
        network_mode="none",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        pids_limit=512,
        # Whatever the engine's own driver is: this one can be read.
        log_config={"type": "json-file", "config": {"max-size": "1m"}},
    )
    made = api.create_container(
        f"sha256:{image}",
        ["--version"],
        entrypoint=["ollama"],
        name=f"{project}-throwaway-{secrets.token_hex(4)}",
        labels={CORRAL_PROJECT: project, LABEL: "version"},
        # The official image asks for all GPUs, which an engine with NVIDIA's runtime as its default would give.
        environment={"HOME": "/tmp", "NVIDIA_VISIBLE_DEVICES": "void"},
        healthcheck={"test": ["NONE"]},
        host_config=host,
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
