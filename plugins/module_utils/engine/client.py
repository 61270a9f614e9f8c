# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the Docker engine, and what to say when there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..core.errors import CorralError
from ..core.libraries import require

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_INSTALL = "Install one (the role corral.ollama.docker_host does it)."
# Where engines are that an ordinary user's PATH does not lead to: of packages, of archives, of Ubuntu's snap.
_DAEMONS = ("/usr/sbin", "/usr/local/sbin", "/snap/docker/current/bin")


class EngineError(CorralError):
    """The engine cannot be used."""

    kind = "engine_error"


def connect(timeout: float = 60.0, url: str = "", tls: Mapping[str, str] | None = None) -> Any:
    """A low-level ``docker.APIClient`` that has spoken with the engine: the one at ``url``, else that of DOCKER_HOST.

    ``tls`` has ``ca_path``, ``client_cert`` and ``client_key``, for an address.
    """
    docker = require("docker")
    where = url or os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET
    try:
        how = _at(docker, url, tls or {}) if url else docker.utils.kwargs_from_env()
        # The SDK's fixed default API version is refused by engines that are much newer.
        return docker.APIClient(version="auto", timeout=timeout, **how)
    except docker.errors.DockerException as error:
        raise _unusable(where, error) from error


def _at(docker: Any, url: str, tls: Mapping[str, str]) -> dict[str, Any]:
    if not any(tls.values()):
        return {"base_url": url}
    pair = (tls["client_cert"], tls["client_key"]) if tls.get("client_cert") and tls.get("client_key") else None
    return {"base_url": url, "tls": docker.tls.TLSConfig(client_cert=pair, ca_cert=tls.get("ca_path"), verify=True)}


def without_library() -> EngineError | None:
    """What can be said about the engine when the SDK is missing: that there is none, or nothing."""
    where = os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET
    socket = where[len("unix://") :] if where.startswith("unix://") else ""
    return None if _installed() or not socket or os.path.exists(socket) else _missing(where, engine=where)


@contextmanager
def speaking() -> Iterator[None]:
    """Turn what the SDK and its transport raise in the middle of a talk into an EngineError."""
    docker, requests = require("docker"), require("requests")
    try:
        yield
    except (docker.errors.DockerException, requests.RequestException) as error:
        remedy = "Look at the engine's log (journalctl -u docker), and run again."
        raise EngineError(f"The Docker engine failed: {error}.", remedy=remedy, cause=str(error)) from error


def inspect(api: Any, container_id: str) -> dict[str, Any] | None:
    """One container in full; None when it was removed meanwhile."""
    try:
        found: dict[str, Any] = api.inspect_container(container_id)
    except require("docker").errors.NotFound:
        return None
    return found


def compose_version(timeout: float = 30.0) -> str:
    """The version of the Compose v2 plugin, "" without one."""
    try:
        # module_utils below the glue know no AnsibleModule, whose run_command this rule wants; the words are constants
        answer = subprocess.run(  # pylint: disable=ansible-bad-function
            ["docker", "compose", "version", "--short"], capture_output=True, text=True, timeout=timeout, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip().lstrip("v") if answer.returncode == 0 else ""


def _unusable(where: str, error: Exception) -> EngineError:
    causes = list(_causes(error))
    facts = {"engine": where, "cause": str(error)}
    if any(isinstance(cause, PermissionError) for cause in causes):
        message = f"The Docker engine at {where} refuses this user (permission denied)."
        remedy = "Run the play with become: true, or let the user into the group docker."
        return EngineError(message, kind="engine_permission", remedy=remedy, **facts)
    if "too old" in str(error) or "minimum supported" in str(error).lower():
        message = f"The Docker engine at {where} and the Python library docker have no API version in common: {error}."
        remedy = "Upgrade the older of the two."
        return EngineError(message, kind="engine_too_old", remedy=remedy, **facts)
    if any(isinstance(cause, FileNotFoundError) for cause in causes) and not _installed():
        return _missing(where, **facts)
    found = "Docker is installed, and its" if where.startswith("unix://") else "The Docker"
    message = f"{found} engine at {where} does not answer: {causes[-1]}."
    remedy = "Start it (systemctl start docker), and look at its log when it stops again."
    return EngineError(message, kind="engine_not_answering", remedy=remedy, **facts)


def _installed() -> bool:
    """Whether there is an engine. The command ``docker`` may be there alone: it is only the client."""
    return bool(shutil.which("dockerd", path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_DAEMONS])))


def _missing(where: str, **facts: Any) -> EngineError:
    message = f"This host has no Docker engine (there is no {where}, and no dockerd)."
    return EngineError(message, kind="engine_missing", remedy=_INSTALL, **facts)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything inside it: the SDK and urllib3 hide the OSError in args as often as in causes."""
    yield error
    for inner in (*error.args, error.__cause__):
        if isinstance(inner, BaseException):
            yield from _causes(inner)
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        yield from _causes(reason)
