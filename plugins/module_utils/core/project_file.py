# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project file between two definitions: some services are taken from one, the others stay as they run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .digests import parse_digest
from .libraries import require
from .project_yaml import BadProject, Project, dialect
from .rollout_record import is_service

_HEADER = (
    "# Written by Corral in the middle of a rollout: each service is as it runs now, or is made anew at this moment.\n"
    "# `docker compose up` changes nothing that the rollout has not come to. The end of it writes the whole file.\n"
)
#: What services refer to: those that stay need theirs even when the new definition has it no more.
_SHARED = ("volumes", "networks", "configs", "secrets")
_STR, _MAP = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map"


@dataclass(frozen=True)
class Merge:
    """``text`` is what the file is to be; ``taken`` the services that it has from the other definition now and had not
    before, ``dropped`` those that it has no more."""

    text: str
    taken: tuple[str, ...]
    dropped: tuple[str, ...]


def merged(there: Project | None, source: Project, names: Collection[str], pins: Mapping[str, str]) -> Merge:
    """``there`` with the services ``names`` as ``source`` has them, or without them where it has none. ``pins`` gives
    services an exact image (64 hex). When all services are as ``source`` has them, the result is its own text."""
    _refuse(there, source, names)
    services = _services(there, source, names, pins)
    old = {name: there.digest(node) for name, node in there.services.items()} if there else {}
    new = {name: _owner(node, there, source).digest(node) for name, node in services.items()}
    taken = tuple(name for name in services if name in names and old.get(name) != new[name])
    dropped = tuple(name for name in old if name not in services)
    whole = new == {name: source.digest(node) for name, node in source.services.items()}
    if whole or (there is not None and not taken and not dropped):
        return Merge(source.text if whole or there is None else there.text, taken, dropped)
    return Merge(_text(_document(there, source, services)), taken, dropped)


def differing(there: Project | None, source: Project) -> tuple[str, ...]:
    """The services that are not as ``source`` has them, those that only one of the two has included."""
    old = {name: there.digest(node) for name, node in there.services.items()} if there else {}
    new = {name: source.digest(node) for name, node in source.services.items()}
    return tuple(name for name in {**new, **old} if old.get(name) != new.get(name))


def image_of(project: Project, name: str) -> str:
    """The image of a service as the file names it; "" without one."""
    node = project.services.get(name)
    return project.text_of(project.flat(node).get("image")).replace("$$", "$") if node is not None else ""


def _refuse(there: Project | None, source: Project, names: Collection[str]) -> None:
    wrong = [name for name in names if not is_service(name)]
    if wrong:
        shown = ", ".join(ascii(name)[:100] for name in wrong[:10])
        raise BadProject(f"{shown} cannot be a service.", kind="bad_input", remedy="Name services of the project.")
    if there is None:
        return
    old, new = (project.text_of(project.flat(project.root).get("name")) for project in (there, source))
    if old != new:
        raise BadProject(
            f"{there.what} is of the project {ascii(old)[:80]}, and {source.what} of {ascii(new)[:80]}.",
            kind="another_project",
            remedy="Give each project a folder of its own (corral_project_dir).",
        )


def _services(
    there: Project | None, source: Project, names: Collection[str], pins: Mapping[str, str]
) -> dict[str, Any]:
    """In the order of the source; what only the file has comes last."""
    kept = there.services if there else {}
    found = {}
    for name in {**source.services, **kept}:
        if name not in names and name in kept:
            found[name] = kept[name]
        elif name in names and name in source.services:
            node = source.services[name]
            found[name] = _pinned(node, pins[name]) if name in pins else node
    return found


def _owner(node: Any, there: Project | None, source: Project) -> Project:
    return there if there is not None and any(node is one for one in there.services.values()) else source


def _pinned(node: Any, image_id: str) -> Any:
    """The same service with exactly this image, whatever its tag means by now."""
    nodes = require("yaml").nodes
    key = nodes.ScalarNode(_STR, "image")
    value = nodes.ScalarNode(_STR, f"sha256:{parse_digest(image_id)}", style='"')
    rest = [pair for pair in node.value if pair[0].value != "image"]
    return nodes.MappingNode(node.tag, [*rest, (key, value)], flow_style=node.flow_style)


def _document(there: Project | None, source: Project, services: Mapping[str, Any]) -> Any:
    nodes = require("yaml").nodes
    other = there.flat(there.root) if there else {}
    root = {**source.flat(source.root), "services": _mapping(services)}
    for name in _SHARED:
        old = there.flat(other[name]) if there and name in other else {}
        new = source.flat(root[name]) if name in root else {}
        if set(old) - set(new):
            root[name] = _mapping({**new, **{key: old[key] for key in old if key not in new}})
    pairs = [(nodes.ScalarNode(_STR, key), value) for key, value in root.items()]
    return nodes.MappingNode(_MAP, pairs, flow_style=False)


def _mapping(entries: Mapping[str, Any]) -> Any:
    nodes = require("yaml").nodes
    return nodes.MappingNode(_MAP, [(nodes.ScalarNode(_STR, key), value) for key, value in entries.items()], False)


def _text(root: Any) -> str:
    yaml = require("yaml")
    # not the fast one: it says ! for a tag, which makes texts of numbers and of nothing
    return _HEADER + str(yaml.serialize(root, Dumper=dialect(yaml.SafeDumper), width=10**6, allow_unicode=True))
