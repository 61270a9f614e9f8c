# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which GPUs a running container sees at this moment, whatever its server found at its start."""

from __future__ import annotations

from typing import Any

from ..core.libraries import require

_COMMAND = ["nvidia-smi", "-L"]
_OUTPUT = 32768
# What a shell and the engine end with where there is no such program, or none that may be run.
_NO_PROGRAM = (126, 127)


def gpu_listing(api: Any, container: str) -> str | None:
    """What NVIDIA's tool says in a container; None where it cannot be asked: it is not there, as in a container without
    GPUs, or the container has gone."""
    docker, requests = require("docker"), require("requests")
    try:
        started = api.exec_create(container, _COMMAND, stdout=True, stderr=True)
        output = bytes(api.exec_start(started["Id"]) or b"")[:_OUTPUT].decode("utf-8", "replace")
        if api.exec_inspect(started["Id"]).get("ExitCode") in _NO_PROGRAM:
            return None
        return output
    except (docker.errors.APIError, requests.RequestException):
        return None
