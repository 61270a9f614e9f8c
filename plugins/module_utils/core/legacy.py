# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ollama containers that Corral did not make: which they are, and where on the host their models lie."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

DEFAULT_MODELS = "/root/.ollama/models"
_STATE, _MODELS = "/.ollama", "/.ollama/models"


@dataclass(frozen=True)
class Mount:
    """Something mounted into a container. ``kind``: volume, bind, tmpfs, …; ``source`` is a path of the host.

    ``problem`` is why the source cannot be read on the host.
    """

    kind: str
    destination: str
    source: str
    volume: str = ""
    writable: bool = True
    problem: str = ""


@dataclass(frozen=True)
class Legacy:
    """One container. ``ports``: container port, host address, host port; ``env``: what begins with OLLAMA_, and HOME.

    ``own_layer``: whether there are models in the container's own layer, which no mount covers.
    """

    name: str
    id: str
    image: str
    running: bool
    restart_policy: str = "no"
    restart_retries: int = 0
    auto_remove: bool = False
    compose_project: str = ""
    service: str = ""
    compose_directory: str = ""
    compose_files: tuple[str, ...] = ()
    ports: tuple[tuple[str, str, int], ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    own_layer: bool = False

    @property
    def models_directory(self) -> str:
        """Where its server looks for models, inside the container."""
        told = self.env.get("OLLAMA_MODELS", "").strip().strip("\"'").strip()
        if told.startswith("/"):
            return posixpath.normpath(told)
        home = self.env.get("HOME", "")
        if home.startswith("/"):
            return posixpath.normpath(home + _MODELS)
        for suffix in (_MODELS, _STATE):
            for mount in self.mounts:
                if mount.destination.endswith(suffix):
                    return mount.destination + _MODELS[len(suffix) :]
        return DEFAULT_MODELS

    @property
    def models_mount(self) -> Mount | None:
        """The mount that its models lie in: the deepest that covers the directory."""
        covering = [mount for mount in self.mounts if below(self.models_directory, mount.destination) is not None]
        return max(covering, key=lambda mount: len(mount.destination), default=None)

    @property
    def keeps_models(self) -> bool:
        """Whether it is what this collection calls a legacy container, as far as its mounts tell."""
        if any(mount.destination.endswith((_STATE, _MODELS)) for mount in self.mounts):
            return True
        return bool(self.env.get("OLLAMA_MODELS")) and self.models_mount is not None

    @property
    def runs_ollama(self) -> bool:
        """By the name of its image, the registry and the tag left out."""
        return "ollama" in self.image.split("@")[0].rpartition("/")[2].split(":")[0].lower()


@dataclass(frozen=True)
class Selection:
    """What a user asked for; nothing at all means every legacy container of the host."""

    containers: frozenset[str] = frozenset()
    project: str = ""
    volumes: frozenset[str] = frozenset()

    def wants(self, container: Legacy) -> bool:
        if container.name in self.containers or container.id in self.containers:
            return True
        legacy = container.keeps_models or container.runs_ollama
        if not (self.containers or self.project or self.volumes):
            return legacy
        if self.project and container.compose_project == self.project and legacy:
            return True
        return any(mount.volume in self.volumes for mount in container.mounts if mount.volume)


def below(path: str, directory: str) -> str | None:
    """``path`` relative to ``directory`` ("" for itself), ``None`` when it does not lie there."""
    directory = posixpath.normpath(directory)
    if path == directory:
        return ""
    prefix = directory if directory == "/" else directory + "/"
    return path[len(prefix) :] if path.startswith(prefix) else None


def other_writers(container: Legacy, every: Iterable[Legacy], ours: Sequence[Legacy]) -> tuple[str, ...]:
    """Running containers outside of ``ours`` that can write to the volume or directory of its models."""
    mount, known = container.models_mount, {one.id for one in ours}
    if mount is None:
        return ()
    return tuple(
        sorted(
            other.name
            for other in every
            if other.running and other.id not in known and any(_same_place(mount, one) for one in other.mounts)
        )
    )


def _same_place(mount: Mount, other: Mount) -> bool:
    if not other.writable:
        return False
    if mount.volume or other.volume:
        return mount.volume == other.volume
    return below(mount.source, other.source) is not None or below(other.source, mount.source) is not None
