# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers could write to a store, by the mounts and the environment that they really have."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.store_users import StoreUser, noprune_on
from .client import inspect
from .containers import PROJECT, SERVICE, container_name

_UP = ("running", "restarting", "paused")
_API = "11434/tcp"


def store_users(api: Any, listed: Iterable[Mapping[str, Any]], volume: str, path: str) -> tuple[StoreUser, ...]:
    """The Ollama servers among ``listed`` that may write to the volume, which lies at ``path`` (or "" when it does not
    exist)."""
    found = []
    for entry in listed:
        if not any(_reaches(mount, volume, path) for mount in entry.get("Mounts") or []):
            continue
        container = inspect(api, entry["Id"])
        if container is not None and _is_ollama(container["Config"]):
            found.append(_user(entry, container["Config"]))
    return tuple(sorted(found, key=lambda one: one.container))


def _reaches(mount: Mapping[str, Any], volume: str, path: str) -> bool:
    if not mount.get("RW", True):
        return False
    if mount.get("Type") == "volume" and mount.get("Name") == volume:
        return True
    source = posixpath.normpath(str(mount.get("Source") or "/nowhere"))
    return bool(path) and (source == path or _below(source, path) or _below(path, source))


def _below(inner: str, outer: str) -> bool:
    return inner.startswith(outer.rstrip("/") + "/")


def _is_ollama(config: Mapping[str, Any]) -> bool:
    """Its program, its port or its variables: an image of somebody's own may have only one of them."""
    words = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    if any(posixpath.basename(word) == "ollama" for text in words for word in str(text).split()):
        return True
    return _API in (config.get("ExposedPorts") or {}) or any(key.startswith("OLLAMA_") for key in _environment(config))


def _environment(config: Mapping[str, Any]) -> dict[str, str]:
    pairs = (str(line).partition("=") for line in config.get("Env") or [])
    return {name: value for name, _equals, value in pairs}


def _user(entry: Mapping[str, Any], config: Mapping[str, Any]) -> StoreUser:
    labels = entry.get("Labels") or {}
    return StoreUser(
        container=container_name(entry),
        image=str(config.get("Image") or ""),
        running=entry.get("State") in _UP,
        noprune=noprune_on(_environment(config)),
        project=labels.get(PROJECT, ""),
        service=labels.get(SERVICE, ""),
    )
