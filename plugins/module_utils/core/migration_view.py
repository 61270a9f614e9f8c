# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a migration has in its way, and what follows from its record: who stops, what is merged, what is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .layout import SERVICE_PREFIX, reachable_host
from .migration import MERGED, RECLAIMED, RECLAIMING, ROLLED_BACK, STARTED, VERIFIED, Record, Row, news
from .problems import Problem

_GONE = {"container_missing": "container", "volume_missing": "volume"}
_WILDCARDS = ("", "::", "0.0.0.0")


@dataclass(frozen=True)
class Fleet:
    """The fleet that is to take over: its Compose project, its data volumes and the volume of its store."""

    project: str
    count: int
    store_volume: str

    @property
    def data_volumes(self) -> set[str]:
        return {f"{self.project}_data_{index}" for index in range(1, self.count + 1)}

    @property
    def containers(self) -> set[str]:
        servers = {f"{self.project}-{SERVICE_PREFIX}{index}" for index in range(1, self.count + 1)}
        return servers | {f"{self.project}-puller"}


def todo(record: Record | None, found: Row) -> bool:
    """Whether there is something to merge, or a writer to stop."""
    if record is None or record.phase == ROLLED_BACK:
        return bool(found["trees"] or found["containers"])
    if record.phase in (MERGED, VERIFIED, RECLAIMED):
        return bool(news(record, found))
    return record.phase != RECLAIMING


def obstacles(record: Record | None, found: Row, fleet: Fleet) -> list[Problem]:
    """Everything that a person has to solve before anything is stopped."""
    begun = record is not None and record.phase != ROLLED_BACK
    problems = [] if begun and not todo(record, found) else _as_found(record, found)
    if record is not None and record.project != fleet.project:
        problems.append(_other_project(record, fleet))
    if not (begun or problems or found["containers"] or found["trees"]):
        return [_nothing(fleet)]
    for container in found["containers"]:
        problems += _of_container(container, fleet)
    problems += [_data_volume(tree["volume"], fleet) for tree in found["trees"] if tree["volume"] in fleet.data_volumes]
    return problems


def _of_container(container: Row, fleet: Fleet) -> list[Problem]:
    name = container["name"]
    if container["compose_project"] == fleet.project:
        return [
            Problem(
                "same_project",
                f"{name} belongs to the Compose project {fleet.project}, which is also to be the name of the new fleet:"
                " making that would remove it, and there would be no way back.",
                "Set corral_project to another name; corral_store_volume takes over a volume of the old project.",
                {"container": name, "project": fleet.project},
            )
        ]
    if name in fleet.containers:
        return [
            Problem(
                "container_name",
                f"{name} is also the name of a container of the new fleet {fleet.project}.",
                "Set corral_project to another name.",
                {"container": name, "project": fleet.project},
            )
        ]
    return []


def _data_volume(volume: str, fleet: Fleet) -> Problem:
    return Problem(
        "data_volume",
        f"The volume {volume} holds models of an old container, and is also the name of a data volume of the new fleet"
        f" {fleet.project}.",
        "Set corral_project to another name.",
        {"volume": volume, "project": fleet.project},
    )


def _other_project(record: Record, fleet: Fleet) -> Problem:
    return Problem(
        "other_project",
        f"The record of this migration belongs to the project {record.project}, not to {fleet.project}.",
        "Set corral_project, or corral_state_dir, to what it was.",
        {"expected": record.project, "found": fleet.project},
    )


def _nothing(fleet: Fleet) -> Problem:
    return Problem(
        "nothing_to_migrate",
        "There is no container or volume with Ollama models to migrate, and no migration of the project"
        f" {fleet.project} was ever begun here.",
        "Name them (corral_legacy_containers, corral_legacy_compose_project, corral_legacy_volumes), or make a new"
        " fleet with the playbook deploy.",
    )


def _as_found(record: Record | None, found: Row) -> list[Problem]:
    """What legacy_info says; that something is missing is as it should be once it was removed."""
    removed = record is not None and record.phase in (RECLAIMING, RECLAIMED)
    rows = [row for row in found["problems"] if not (removed and _was_removed(record, row))]
    words = ("kind", "message", "remedy")
    facts = [{name: row[name] for name in row if name not in words} for row in rows]
    return [Problem(row["kind"], row["message"], row["remedy"], known) for row, known in zip(rows, facts)]


def _was_removed(record: Record | None, row: Row) -> bool:
    name = row.get(_GONE.get(str(row["kind"]), ""))
    if record is None or not name:
        return False
    known = {value for one in record.containers for value in (one["name"], one["id"])}
    return name in known | {tree["volume"] for tree in record.trees}


def parked(record: Record | None) -> tuple[str, ...]:
    """Containers that a migration stopped and will not start again by itself, so that their ports are free."""
    stays = (STARTED, MERGED, VERIFIED, RECLAIMING)
    return tuple(row["name"] for row in record.containers) if record is not None and record.phase in stays else ()


def view(record: Record) -> dict[str, Any]:
    """What the roles work with, derived from the record."""
    own = [tree for tree in record.trees if not tree["in_place"]]
    volumes = sorted({tree["volume"] for tree in own if tree["volume"] and tree["volume"] != record.store["volume"]})
    return {
        "writers": [row["name"] for row in record.containers],
        "ran": [_asked(row) for row in record.containers if row["running"]],
        "sources": [{"name": tree["name"], "path": tree["path"]} for tree in record.trees],
        "volumes": volumes,
        # of a directory of the host only what a server put there: the rest of it is somebody's
        "directories": [
            f"{tree['path']}/{part}" for tree in own if not tree["volume"] for part in ("blobs", "manifests")
        ],
    }


def _asked(container: Row) -> dict[str, Any]:
    """Where a container answers; ``url`` is "" when it publishes nothing."""
    told = str(container.get("env", {}).get("OLLAMA_HOST", "")).rpartition(":")[2]
    port = f"{told if told.isdigit() else 11434}/tcp"
    bound: Sequence[Mapping[str, Any]] = [one for one in container["ports"] if one["container_port"] == port]
    if not bound:
        return {"name": container["name"], "url": ""}
    address = bound[0]["host_ip"]
    host = "127.0.0.1" if address in _WILDCARDS else reachable_host(address)
    return {"name": container["name"], "url": f"http://{host}:{bound[0]['host_port']}"}
