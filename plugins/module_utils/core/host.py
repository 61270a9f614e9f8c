# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What preflight knows about a host: plain facts, gathered elsewhere, so that judging them stays pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .problems import Problem
from .store_users import StoreUser


@dataclass(frozen=True)
class Publication:
    """A host port that a container publishes (``running``) or will publish when it starts again."""

    address: str
    port: int
    container: str
    project: str = ""
    service: str = ""
    running: bool = True

    @property
    def owner(self) -> str:
        """For people: the container, and the Compose service it belongs to."""
        if not self.project:
            return f"container {self.container}"
        return f"container {self.container} (Compose project {self.project}, service {self.service})"


@dataclass(frozen=True)
class Neighbour:
    """Any container of the host. ``directory`` is where its Compose project was started."""

    name: str
    project: str = ""
    service: str = ""
    directory: str = ""


@dataclass(frozen=True)
class Listener:
    """A listening TCP socket of the host; ``process`` is "name (pid N)" or "" where it cannot be read."""

    address: str
    port: int
    process: str = ""


@dataclass(frozen=True)
class StoreFacts:
    """The volume of the shared store. ``owner`` is the project in its marker, None without a readable marker."""

    name: str
    exists: bool = False
    mountpoint: str = ""
    reachable: bool = True
    entries: tuple[str, ...] = ()
    owner: str | None = None
    mounted_from: str = ""
    """What the engine mounts there while a container uses the volume; "" for a plain directory of its own. While it is
    not mounted, the store is not ``reachable``."""
    abandoned_puller: str = ""
    """A container of this project that may write to the store although nobody holds its lease: its job is dead."""


@dataclass(frozen=True)
class HostFacts:
    """One host. Empty strings and None stand for what could not be found out."""

    hostname: str
    boot_id: str = ""
    missing_libraries: tuple[str, ...] = ()
    engine_problem: Problem | None = None
    image_problem: Problem | None = None
    engine_version: str = ""
    api_version: str = ""
    engine_id: str = ""
    root_dir: str = ""
    root_dir_reachable: bool = True
    compose_version: str = ""
    project_file: str = ""
    """Mode (octal) and SHA-256 of the project's compose.yml, with a space between; "" without a plain file there."""
    containers: tuple[Neighbour, ...] = ()
    publications: tuple[Publication, ...] = ()
    listeners: tuple[Listener, ...] = ()
    bindable: bool = True
    store: StoreFacts = field(default_factory=lambda: StoreFacts(""))
    store_users: tuple[StoreUser, ...] = ()
    """Ollama servers of this host that may write to the store's volume, those that are stopped included."""
    image_id: str = ""
    image_digests: tuple[str, ...] = ()
    instance_images: tuple[str, ...] = ()
    """Ids of the images that this project's instances were made from."""
    gpu_files: tuple[str, ...] = ()
    """The device files by which drivers show GPUs: /dev/nvidia0, …; /dev/kfd for those of AMD."""
    disk_path: str = ""
    free_bytes: int | None = None
    total_bytes: int | None = None
    free_inodes: int | None = None

    @property
    def same_engine_key(self) -> str:
        """Equal on two inventory hosts only when they are one engine; "" while the engine is unknown.

        The engine's id alone is copied with a machine's image, the boot id alone is shared by nested engines.
        """
        return f"{self.boot_id}/{self.engine_id}" if self.engine_id else ""

    def as_dict(self) -> dict[str, Any]:
        """For a module's result; the list of all containers is for judging only, and may be long."""
        facts = {**asdict(self), "same_engine_key": self.same_engine_key}
        del facts["containers"]
        return facts
