# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verification reads of a host besides the answers of its servers: containers, images, rollout, store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import CorralError
from ..core.leases import Lease
from ..core.rollout_end import sentences
from ..core.verify_gpus import InstanceGpus
from ..engine.client import speaking
from ..engine.containers import environment, given_gpus, inspected_instances, instance_row, project_containers
from ..engine.images import inspected_image, plain_id
from ..engine.limits import devices_of
from ..store.files import NotAFile, lstat
from ..store.layout import StorePaths, store_at
from ..store.lease import LeaseFile
from ..store.receipts import ReceiptFile, stamp_of
from .rollout_file import RolloutFile
from .storage import last_scrub

_EVENTS = 1000


@dataclass(frozen=True)
class Container:
    """One instance: its row of ``instance_info``, the engine's own inspection, and the environment that it has."""

    row: Mapping[str, Any]
    raw: Mapping[str, Any]
    environment: Mapping[str, str]
    gpus: InstanceGpus

    @property
    def name(self) -> str:
        return str(self.row["name"])


@dataclass(frozen=True)
class Rolling:
    """What is known of the rollout of a host."""

    lease: Lease | None = None
    error: str = ""
    live: bool = False
    unfinished: bool = False
    names: frozenset[str] = frozenset()
    sentences: Sequence[str] = ()
    events: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Kept:
    """What is known of the store without reading a blob."""

    lease: Lease | None = None
    error: str = ""
    scrub: Mapping[str, Any] = field(default_factory=dict)
    damaged: tuple[str, ...] = ()
    made_at: float = 0.0


def containers(api: Any, project: str, expected: Mapping[str, Sequence[str]]) -> list[Container]:
    """The instances of a project. ``expected``: by name, the GPUs that are declared."""
    with speaking():
        found = inspected_instances(api, project_containers(api, project))
        return [_container(api, raw, expected) for raw in found]


def image_of(api: Any, reference: str) -> tuple[str, dict[str, str]]:
    """(id, environment) of an image that is on the host; ("", {}) where it is not."""
    with speaking():
        found = inspected_image(api, reference) if reference else None
    return (plain_id(found["Id"]), environment(found.get("Config") or {})) if found else ("", {})


def rolling(path: str, now: float) -> Rolling:
    """``path`` is the directory of the rollout, "" where nobody wants to know."""
    if not path:
        return Rolling()
    file = RolloutFile(path)
    try:
        lease, rollout = file.lease.read(), file.read()
    except CorralError as error:
        return Rolling(error=str(error))
    live = lease is not None and lease.live(now)
    members = [one.name for one in rollout.members] if rollout else []
    return Rolling(
        lease=lease,
        live=live,
        unfinished=rollout is not None and rollout.unfinished,
        names=frozenset(members if live else ()),
        sentences=sentences(rollout),
        events=file.audit_tail(_EVENTS),
    )


def kept(path: str) -> Kept:
    """``path`` is the store's directory, "" where nobody wants to know. That there is none is said elsewhere."""
    if not path or lstat(path) is None:
        return Kept()
    paths = store_at(path)
    owner = lstat(paths.owner)
    made_at = owner.st_mtime if owner is not None else 0.0
    try:
        lease, error = LeaseFile(paths).read(), ""
    except (CorralError, NotAFile) as problem:
        lease, error = None, str(problem)
    return Kept(lease, error, last_scrub(paths), _damaged(paths), made_at)


def _damaged(paths: StorePaths) -> tuple[str, ...]:
    """The blobs that hashed to something else when they were read last, and that nobody has touched since."""
    wrong = [one for one in ReceiptFile(paths).load().values() if not one.ok]
    return tuple(one.digest for one in wrong if one.same_file(stamp_of(paths.blob(one.digest))))


def _container(api: Any, raw: dict[str, Any], expected: Mapping[str, Sequence[str]]) -> Container:
    row = instance_row(raw)
    name = row["name"]
    running = raw["State"].get("Running", row["state"] == "running")
    devices = devices_of(api, raw) if running else ()
    gpus = InstanceGpus(name, tuple(expected.get(name, ())), given_gpus(raw["HostConfig"]), devices)
    return Container(row, raw, environment(raw["Config"]), gpus)
