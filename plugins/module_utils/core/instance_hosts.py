# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance as a host of an inventory: what it is called, and what is known of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .declared import BadInput
from .engine_address import EngineAddress
from .versions import parse_version

#: Labels that the role instances gives to each server.
PROJECT, INSTANCE = "corral.project", "corral.instance"
SERVICE = "com.docker.compose.service"
# Of instance_info's words for an instance, those that say where and what it is.
_KEPT = ("name", "container", "state", "health", "url", "port", "image", "image_digest", "started_at", "gpus")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
_WORD = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def is_ours(container: Mapping[str, Any]) -> bool:
    """Whether an inspected container is an instance that Corral made, under a name that can be a host's."""
    labels = (container.get("Config") or {}).get("Labels") or {}
    return (
        bool(_CONTAINER.fullmatch(str(container.get("Name", "")).lstrip("/")))
        and bool(_WORD.fullmatch(str(labels.get(PROJECT, ""))))
        and bool(_WORD.fullmatch(str(labels.get(INSTANCE, ""))))
        and labels.get(SERVICE) == labels[INSTANCE]
    )


def project_label(project: str) -> list[str]:
    """What to ask an engine for beside the label of an instance; nothing for the instances of all projects."""
    if project and not _WORD.fullmatch(project):
        raise BadInput(
            f"{ascii(project)[:100]} is no name of a project.",
            remedy="Give the corral_project of the fleet, or leave it out.",
        )
    return [f"{PROJECT}={project}"] if project else []


def host_name(engine: EngineAddress, row: Mapping[str, Any]) -> str:
    """The engine's name and the container's, which no two containers of an engine share."""
    return f"{engine.name}-{row['container']}"


def host_variables(engine: EngineAddress, project: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """``row`` is an instance in the words of ``instance_info``."""
    facts = {key: row[key] for key in _KEPT}
    facts.update(project=project, host=engine.name, engine=engine.url, version=image_version(str(row["image"])))
    return {f"corral_instance_{key}": value for key, value in sorted(facts.items())}


def image_version(image: str) -> str:
    """The version that an image has in its name, "" where it has none: only the server itself could say it."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag if parse_version(tag) else ""
