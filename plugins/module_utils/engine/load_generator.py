# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container in which a load generator runs: short-lived, with no rights, and gone again whatever happens."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..core.errors import CorralError
from ..core.libraries import require
from .client import inspect, speaking
from .containers import CORRAL_PROJECT, container_name
from .logs import tail

LABEL = "corral.load"
USER = 65534
"""Nobody: the two folders that it sees are made this user's."""
PLAN, RESULTS = "/corral/in", "/corral/out"
_LINES = 20


@dataclass(frozen=True)
class Wanted:
    """``plan`` and ``results`` are folders of the host; the generator reads the first and writes the second."""

    project: str
    image: str
    plan: str
    results: str
    memory_mb: int
    command: tuple[str, ...]


@dataclass(frozen=True)
class State:
    running: bool
    exit_code: int = 0
    oom_killed: bool = False


def sweep(api: Any, project: str) -> list[str]:
    """Remove the generators that earlier runs left, running ones too; their names."""
    with speaking():
        filters = {"label": [f"{CORRAL_PROJECT}={project}", LABEL]}
        left = api.containers(all=True, filters=filters)
        for entry in left:
            with suppress(require("docker").errors.NotFound):
                api.remove_container(entry["Id"], force=True, v=True)
    return [container_name(entry) for entry in left]


def start(api: Any, wanted: Wanted) -> str:
    """Its id. Raises where the image is not on the host, or the engine refuses it."""
    docker = require("docker")
    try:
        with speaking():
            container = str(_created(api, wanted)["Id"])
    except CorralError as error:
        if not isinstance(error.__cause__, docker.errors.ImageNotFound):
            raise
        raise CorralError(
            f"The image {wanted.image} of the load generator is not on this host.",
            kind="image_missing",
            remedy=f"Pull it (docker pull {wanted.image}), or bring it with docker save and docker load.",
            image=wanted.image,
        ) from error
    try:
        with speaking():
            api.start(container)
    except BaseException:
        remove(api, container)
        raise
    return container


def state(api: Any, container: str) -> State:
    """Of one that somebody removed, that it ended badly."""
    with speaking():
        found = inspect(api, container)
    if found is None:
        return State(False, -1)
    told = found["State"]
    return State(bool(told.get("Running")), int(told.get("ExitCode") or 0), bool(told.get("OOMKilled")))


def last_words(api: Any, container: str) -> str:
    """The end of what it printed, "" where nothing can be read."""
    with suppress(require("docker").errors.APIError, require("requests").RequestException):
        return tail(api, container, _LINES).decode("utf-8", "replace").strip()
    return ""


def remove(api: Any, container: str) -> None:
    # Gone already, or an engine that fails now: it ends by itself, and the next run sweeps.
    with suppress(require("docker").errors.APIError, require("requests").RequestException):
        api.remove_container(container, force=True, v=True)


def _created(api: Any, wanted: Wanted) -> Any:
    host = api.create_host_config(
        # The instances listen on the host's loopback.
        network_mode="host",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        pids_limit=256,
        mem_limit=wanted.memory_mb * 1024 * 1024,
        binds=[f"{wanted.plan}:{PLAN}:ro", f"{wanted.results}:{RESULTS}:rw"],
        log_config={"type": "json-file", "config": {"max-size": "1m"}},
    )
    return api.create_container(
        wanted.image,
        list(wanted.command),
        entrypoint=["locust"],
        name=f"{wanted.project}-load-{secrets.token_hex(4)}",
        user=f"{USER}:{USER}",
        working_dir="/tmp",
        labels={CORRAL_PROJECT: wanted.project, LABEL: "generator"},
        environment={"HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1", "NVIDIA_VISIBLE_DEVICES": "void"},
        healthcheck={"test": ["NONE"]},
        host_config=host,
    )
