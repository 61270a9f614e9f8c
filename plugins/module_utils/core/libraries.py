# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that a managed host needs, and the one message for each that is missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from ..core.errors import CorralError

_PACKAGES = {
    "requests": "python3-requests",
    "docker": "python3-docker",
    "yaml": "python3-yaml",
    "prometheus_client": "python3-prometheus-client",
}


def require(name: str) -> ModuleType:
    """Import ``name`` (``requests`` or ``docker``) or say how to get it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise CorralError(
            f"Corral needs the Python library {name!r} on this host, and its interpreter cannot import it ({error}).",
            kind="missing_library",
            remedy=f"Install the package {_PACKAGES.get(name, name)} (the role corral.ollama.docker_host does it).",
            library=name,
        ) from error
