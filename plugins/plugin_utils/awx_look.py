# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX has of the declared objects: with names where its API has numbers, and dictionaries where it has text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ..module_utils.core.awx_kinds import BY_OPTION, KINDS, Kind
from ..module_utils.core.awx_nodes import found_nodes
from ..module_utils.core.awx_wish import Wanted
from ..module_utils.core.errors import CorralError
from .controller import Controller

AT_ONCE = 40
Key = tuple[str, str, str]


class Ambiguous(CorralError):
    """Two objects of a kind have one name."""

    kind = "awx_ambiguous_name"


class Look:
    """One reading of a controller."""

    def __init__(self, controller: Controller, objects: Sequence[Wanted]) -> None:
        self._controller, self._objects = controller, objects
        self._names: dict[tuple[str, Any], str] = {}

    def found(self) -> dict[Key, dict[str, Any]]:
        """Every declared object that is there."""
        seen: dict[Key, dict[str, Any]] = {}
        for kind in KINDS:
            declared = [one for one in self._objects if one.kind is kind]
            for parent in sorted({one.within for one in declared}):
                inside = [one for one in declared if one.within == parent]
                objects = self._by_name(kind.endpoint, [one.name for one in inside], kind, parent)
                for one in inside:
                    if one.name in objects:
                        seen[one.key] = self._readable(one, objects[one.name])
        return seen

    def missing(self) -> list[str]:
        """A sentence for each object that is named, is not declared here, and is not there either."""
        declared = {(one.kind.endpoint, one.within, one.name) for one in self._objects if not one.absent}
        asked: dict[tuple[str, str], dict[str, str]] = {}
        for one in self._objects:
            for field, endpoint in {**one.kind.refs, **one.kind.lists}.items():
                if one.absent or field in one.kind.ignored:
                    continue
                parent = one.within if endpoint in ("hosts", "groups") else ""
                for name in one.names(field):
                    if not self._is_declared(declared, endpoint, parent, name):
                        asked.setdefault((endpoint, parent), {}).setdefault(name, f"The {one.label} names {name}")
        return [
            f"{who} in {endpoint}, which is neither declared nor on the controller."
            for (endpoint, parent), names in asked.items()
            for there in [self._by_name(endpoint, sorted(names), _kind_of(endpoint), parent)]
            for name, who in names.items()
            if name not in there
        ]

    @staticmethod
    def _is_declared(declared: set[Key], endpoint: str, parent: str, name: str) -> bool:
        several = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
        endpoints = several if endpoint == "unified_job_templates" else (endpoint,)
        return any((one, parent, name) in declared for one in endpoints)

    def _by_name(self, endpoint: str, names: Sequence[str], kind: Kind | None, parent: str) -> dict[str, Any]:
        within = {f"{kind.within}__name": parent} if kind is not None and kind.within else {}
        objects: dict[str, Any] = {}
        for start in range(0, len(names), AT_ONCE):
            # A comma separates names for the API: who has one in its name is asked for alone.
            some = names[start : start + AT_ONCE]
            alone = [name for name in some if "," in name]
            queries = [{"name": name} for name in alone]
            if len(some) > len(alone):
                queries.append({"name__in": ",".join(name for name in some if "," not in name)})
            for query in queries:
                for found in self._controller.all(f"{endpoint}/", **query, **within):
                    self._keep(objects, endpoint, found)
        return objects

    def _keep(self, objects: dict[str, Any], endpoint: str, found: Mapping[str, Any]) -> None:
        name = str(found.get("name"))
        self._names[endpoint, found.get("id")] = name
        if name in objects and objects[name].get("id") != found.get("id"):
            raise Ambiguous(
                f"The controller has more than one object {name} in {endpoint}.",
                remedy="awx.awx finds objects by their name in all organizations: give them a prefix of their own.",
                name=name,
                endpoint=endpoint,
            )
        objects[name] = found

    def _readable(self, one: Wanted, found: Mapping[str, Any]) -> dict[str, Any]:
        shown = dict(found)
        for field, endpoint in one.kind.refs.items():
            shown[field] = self._name_of(endpoint, found.get(field))
        for field in one.kind.texts:
            shown[field] = _dictionary(found.get(field))
        url = str(found.get("url"))
        for field in one.kind.lists:
            if field in one.item:
                shown[field] = [str(entry.get("name")) for entry in self._controller.all(f"{url}{field}/")]
        if "survey_spec" in one.item:
            shown["survey_spec"] = self._controller.get(f"{url}survey_spec/")
        if "workflow_nodes" in one.item:
            shown["workflow_nodes"] = found_nodes(list(self._controller.all(f"{url}workflow_nodes/")))
        return shown

    def _name_of(self, endpoint: str, number: Any) -> str:
        if not isinstance(number, int):
            return ""
        if (endpoint, number) not in self._names:
            answer = self._controller.get(f"{endpoint}/", id=number)
            entries = [entry for entry in answer.get("results") or [] if isinstance(entry, dict)]
            self._names[endpoint, number] = str(entries[0].get("name")) if entries else str(number)
        return self._names[endpoint, number]


def _kind_of(endpoint: str) -> Kind | None:
    return BY_OPTION.get(endpoint) if endpoint in ("hosts", "groups") else None


def _dictionary(text: Any) -> Any:
    """Variables, which people may have typed as YAML in AWX's own pages."""
    if not isinstance(text, str) or not text.strip():
        return text or {}
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError:
        return text
