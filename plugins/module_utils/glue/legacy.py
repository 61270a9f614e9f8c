# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``legacy_info``: legacy containers, the trees of models behind them, and what is in a migration's way."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.legacy import Legacy, Mount, Selection, below, other_writers
from ..core.problems import Problem
from ..engine.client import connect, speaking
from ..engine.legacy import all_containers, models_in_own_layer, volume_mount
from ..store.files import lstat, what_is
from .run import Work

Place = tuple[int, int]


@dataclass
class _Tree:
    """A directory of models; ``users``: the containers whose models it holds."""

    path: str
    volume: str
    place: Place
    users: list[Legacy] = field(default_factory=list)


def prepare_legacy(params: Mapping[str, Any]) -> Work:
    """Everything is read, nothing is changed. Problems are returned: who migrates decides what they stop."""
    selection = Selection(
        frozenset(params["containers"]), params["compose_project"] or "", frozenset(params["volumes"])
    )
    problems: list[Problem] = []
    api = connect(params["timeout"])
    with speaking():
        every = all_containers(api)
        chosen = [replace(one, own_layer=_own_layer(api, one)) for one in every if selection.wants(one)]
        loose = {name: volume_mount(api, name) for name in sorted(selection.volumes)}
    problems += _not_found(selection, chosen, loose)
    chosen = [one for one in chosen if one.models_mount or one.own_layer or one.name in selection.containers]
    trees = _trees(chosen, loose, problems)
    problems += _in_the_way(chosen, every)
    paths = {one.id: tree.path for tree in trees for one in tree.users}
    target = _place(params["path"]) if params["path"] else None
    result = {
        "containers": [_row(one, paths.get(one.id, "")) for one in chosen],
        "trees": _tree_rows(trees, target),
        "problems": [problem.as_dict() for problem in problems],
    }
    return Work(result=result)


def _own_layer(api: Any, container: Legacy) -> bool:
    return container.models_mount is None and models_in_own_layer(api, container)


def _not_found(selection: Selection, chosen: Sequence[Legacy], volumes: Mapping[str, Mount | None]) -> list[Problem]:
    names = {one.name for one in chosen} | {one.id for one in chosen}
    gone = [("container", name) for name in sorted(selection.containers - names)]
    gone += [("volume", name) for name, mount in volumes.items() if mount is None]
    return [
        _problem(f"{what}_missing", f"There is no {what} {name}.", "Correct its name, or leave it out.", **{what: name})
        for what, name in gone
    ]


def _trees(chosen: Iterable[Legacy], loose: Mapping[str, Mount | None], problems: list[Problem]) -> list[_Tree]:
    trees: dict[Place, _Tree] = {}
    for container in chosen:
        mount = container.models_mount
        if mount is None:
            continue
        path = _host_path(mount, container.models_directory)
        place = _usable(path, mount, container.name, problems)
        if place:
            trees.setdefault(place, _Tree(path, mount.volume, place)).users.append(container)
    known = {tree.volume for tree in trees.values()}
    for name, mount in loose.items():
        if mount is not None and name not in known:
            path = _unused_volume(mount)
            place = _usable(path, mount, "", problems)
            if place:
                trees.setdefault(place, _Tree(path, name, place))
    return sorted(trees.values(), key=lambda tree: tree.path)


def _host_path(mount: Mount, directory: str) -> str:
    return os.path.join(mount.source, below(directory, mount.destination) or "").rstrip("/")


def _unused_volume(mount: Mount) -> str:
    """A volume that no container uses does not say at which directory it was mounted: its content does."""
    inside = os.path.join(mount.source, "models")
    return inside if _place(os.path.join(inside, "blobs")) else mount.source


def _usable(path: str, mount: Mount, container: str, problems: list[Problem]) -> Place | None:
    """The tree's place, or ``None`` with what is wrong. A server that never ran has no tree, and that is no problem."""
    facts = {"container": container, "volume": mount.volume, "path": path}
    whose = f"The models of {container}" if container else f"The models in the volume {mount.volume}"
    if mount.problem:
        remedy = "Copy its models into a volume of the driver local, and migrate that."
        problems.append(_problem("unreadable_mount", f"{whose} cannot be read: {mount.problem}.", remedy, **facts))
        return None
    if _place(mount.source, follow=True) is None:
        remedy = "Bring the directory back, or remove the container or volume that wants it."
        problems.append(
            _problem("tree_missing", f"{whose} are to be in {mount.source}, which is not there.", remedy, **facts)
        )
        return None
    link = _first_no_directory(mount.source, path)
    if link:
        text = f"{whose} cannot be read: {link} is {what_is(os.lstat(link).st_mode)}, where a directory belongs."
        remedy = "It is not followed: what it leads to is for the container to decide. Mount the directory itself."
        problems.append(_problem("not_a_directory", text, remedy, **facts))
        return None
    return _place(path)


def _first_no_directory(root: str, path: str) -> str:
    """Below the mount's source the container may have put links: a link here would lead anywhere on the host."""
    for part in (below(path, root) or "").split("/"):
        root = os.path.join(root, part) if part else root
        found = lstat(root) if part else None
        if found is not None and not stat.S_ISDIR(found.st_mode):
            return root
    return ""


def _place(path: str, follow: bool = False) -> Place | None:
    try:
        found = os.stat(path, follow_symlinks=follow)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def _in_the_way(chosen: Sequence[Legacy], every: Sequence[Legacy]) -> list[Problem]:
    found = []
    for container in chosen:
        if container.own_layer:
            text = f"The models of {container.name} lie in the container itself ({container.models_directory})."
            remedy = (
                f"Copy them out (docker cp {container.name}:{container.models_directory} …) and name that as a source."
            )
            found.append(_problem("own_layer", text, remedy, container=container.name))
        if container.auto_remove:
            text = f"The engine removes {container.name} when it stops (it has --rm), so there would be no way back."
            remedy = "Make it again without --rm, on the same volume."
            found.append(_problem("auto_remove", text, remedy, container=container.name))
        others = other_writers(container, every, chosen)
        if others:
            text = f"{', '.join(others)} can write to the models of {container.name}, and would not be stopped."
            remedy = "Migrate them together, or stop them before."
            found.append(_problem("other_writers", text, remedy, container=container.name, writers=list(others)))
    return found


def _problem(kind: str, message: str, remedy: str, **facts: Any) -> Problem:
    return Problem(kind, message, remedy, {"container": "", "volume": "", "path": "", **facts})


def _row(container: Legacy, path: str) -> dict[str, Any]:
    mount = container.models_mount
    return {
        "name": container.name,
        "id": container.id,
        "compose_project": container.compose_project,
        "service": container.service,
        "compose_directory": container.compose_directory,
        "compose_files": list(container.compose_files),
        "image": container.image,
        "running": container.running,
        "restart_policy": container.restart_policy,
        "restart_retries": container.restart_retries,
        "ports": [
            {"container_port": private, "host_ip": address, "host_port": port}
            for private, address, port in container.ports
        ],
        "models_directory": container.models_directory,
        "models_path": path,
        "volume": mount.volume if mount else "",
        "writable": bool(mount and mount.writable),
        "env": dict(sorted(container.env.items())),
    }


def _tree_rows(trees: Sequence[_Tree], target: Place | None) -> list[dict[str, Any]]:
    names: set[str] = set()
    rows = []
    for tree in trees:
        name = tree.users[0].name if len(tree.users) == 1 else tree.volume or os.path.basename(tree.path)
        # two trees of one name: a container may be named like a volume
        while name in names:
            name += "'"
        names.add(name)
        rows.append(
            {
                "name": name,
                "path": tree.path,
                "volume": tree.volume,
                "containers": [one.name for one in tree.users],
                "in_place": tree.place == target,
            }
        )
    return rows
