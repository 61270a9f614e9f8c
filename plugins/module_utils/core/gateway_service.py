# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway as a Compose service: one definition for the role that declares it and for the one that runs it."""

from __future__ import annotations

import json
from typing import Any

from .digests import sha256_bytes

SERVICE = "gateway"
CONF_DIR, RUN_DIR = "/etc/corral-gateway", "/run/corral"
CONFIGURATION = f"{CONF_DIR}/haproxy.cfg"
#: User and group ``haproxy`` of the official image.
UID = 99
#: HAProxy shows this variable in its description, so the running container tells by which definition it was made.
DEFINITION = "CORRAL_DEFINITION"


def folder(project_dir: str) -> str:
    """The gateway's folder on the host; only root gets into it, and so to what is below."""
    return f"{project_dir}/gateway"


def service(project: str, project_dir: str, image: str) -> dict[str, Any]:
    """The service as Compose takes it."""
    made = _definition(project, project_dir, image)
    return {**made, "environment": {DEFINITION: sha256_bytes(json.dumps(made, sort_keys=True).encode())[:16]}}


def _definition(project: str, project_dir: str, image: str) -> dict[str, Any]:
    return {
        "image": image,
        "container_name": f"{project}-{SERVICE}",
        "pull_policy": "missing",
        # After a crash of the engine `unless-stopped` does not start it again: the engine took it for stopped by hand.
        "restart": "always",
        # The instances' published ports stay when their containers are made anew, and clients keep their addresses.
        "network_mode": "host",
        "entrypoint": [
            "haproxy",
            "-W",
            "-db",
            "-S",
            f"{RUN_DIR}/master.sock,mode,600",
            "-f",
            f"{CONF_DIR}/haproxy.cfg",
        ],
        "user": f"{UID}:{UID}",
        "read_only": True,
        "tmpfs": ["/tmp"],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "pids_limit": 4096,
        "stop_grace_period": "30s",
        "volumes": [
            _bind(f"{folder(project_dir)}/conf", CONF_DIR, read_only=True),
            _bind(f"{folder(project_dir)}/run", RUN_DIR),
        ],
        "logging": {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}},
        "labels": {"corral.project": project, "corral.role": SERVICE},
    }


def _bind(source: str, target: str, **options: Any) -> dict[str, Any]:
    """A folder that has to be there: one that the engine makes would be everybody's."""
    return {"type": "bind", "source": source, "target": target, "bind": {"create_host_path": False}, **options}
