# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Compose project file as a graph of YAML nodes: nothing is constructed from it, so every scalar stays as it is
written (``yes``, ``22:22`` and ``0777`` mean one thing to Compose and another to Python), and aliases cost nothing.

Messages say where something is wrong, and never what is written there: an environment may hold secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .digests import sha256_bytes
from .errors import CorralError
from .libraries import require

MAX_BYTES = 1024 * 1024
_MAX_EVENTS = 200_000
_MAX_DEPTH = 100
_MAX_MERGED = 1_000_000
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
#: What Compose takes a plain scalar for, by its first characters; all else is text to it. PyYAML's own rules are those
#: of an older YAML: with them ``no`` and ``22:22`` would get tags that make other things of them.
_PLAIN = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("timestamp", r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(([Tt]|[ \t]+)[0-9:. \tZ+-]+)?", list("0123456789")),
    ("merge", r"<<", ["<"]),
)


class BadProject(CorralError):
    """No project file that could be understood."""

    kind = "bad_project_file"


@dataclass
class Project:
    """``text`` as it was read, ``root`` its node. ``what`` names the file in messages."""

    text: str
    root: Any
    what: str
    _flat: dict[int, dict[str, Any]] = field(default_factory=dict)
    _digests: dict[int, str] = field(default_factory=dict)
    _kept: list[Any] = field(default_factory=list)
    """What was looked at: as long as it is kept, no other node gets its id."""
    _merged: int = 0

    @property
    def services(self) -> Mapping[str, Any]:
        """The nodes of the services by name, in the order of the file."""
        node = self.flat(self.root).get("services")
        return self.flat(node) if node is not None else {}

    def flat(self, node: Any) -> dict[str, Any]:
        """A mapping by its keys, with what it merges (``<<``) in it; raises for what is none."""
        if id(node) not in self._flat:
            self._kept.append(node)
            self._flat[id(node)] = {}
            self._flat[id(node)] = self._flatten(node)
        return self._flat[id(node)]

    def digest(self, node: Any) -> str:
        """Equal for what means the same: the order of keys, styles, anchors and merges do not count."""
        known = self._digests.get(id(node))
        if known == "":
            raise _bad(self.what, node, "it contains itself")
        if known is None:
            self._kept.append(node)
            self._digests[id(node)] = ""
            self._digests[id(node)] = known = sha256_bytes(self._meaning(node).encode("utf-8", "surrogatepass"))
        return known

    def text_of(self, node: Any) -> str:
        """The value of a scalar, "" for anything else."""
        return node.value if node is not None and node.id == "scalar" else ""

    def _meaning(self, node: Any) -> str:
        if node.id == "scalar":
            return f"{node.tag} {node.value}"
        if node.id == "sequence":
            return f"{node.tag} {[self.digest(one) for one in node.value]}"
        flat = self.flat(node)
        return f"{node.tag} {sorted((key, self.digest(value)) for key, value in flat.items())}"

    def _flatten(self, node: Any) -> dict[str, Any]:
        if node.id != "mapping":
            raise _bad(self.what, node, "a mapping belongs there")
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.value:
            if key.id != "scalar":
                raise _bad(self.what, key, "a key there is no text")
            if key.tag == _MERGE:
                for one in value.value if value.id == "sequence" else (value,):
                    merged = {**self.flat(one), **merged}
                    self._merged += len(merged)
            elif key.value in own:
                raise _bad(self.what, key, "a key is there twice")
            else:
                own[key.value] = value
        if self._merged > _MAX_MERGED:
            raise _bad(self.what, node, "it merges more than a project file can need")
        return {**merged, **own}


def parse_project(text: str, what: str) -> Project:
    """The project in a text; raises ``BadProject`` for anything that Compose would not take, or nobody needs."""
    yaml = require("yaml")
    if len(text) > MAX_BYTES:
        raise BadProject(f"{what} is longer than {MAX_BYTES} bytes.", remedy="See who writes to it.")
    loader = dialect(getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        _measure(yaml.parse(text, Loader=loader), what)
        root = yaml.compose(text, Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadProject(f"{what} is not YAML{_where(error)}.", remedy="See who writes to it.") from None
    if root is None:
        raise BadProject(f"{what} is empty.", remedy="Let the role corral.ollama.instances write it.")
    project = Project(text, root, what)
    for name, node in project.services.items():
        if node.id != "mapping":
            raise _bad(what, node, f"the service {ascii(name)[:100]} is no mapping")
        project.digest(node)
    return project


def dialect(base: Any) -> Any:
    """A loader or dumper that reads plain scalars as Compose does."""
    own = type("Dialect", (base,), {"yaml_implicit_resolvers": {}})
    for name, pattern, first in _PLAIN:
        # the resolver asks for a match at the beginning only
        own.add_implicit_resolver(_TAG + name, re.compile(f"(?:{pattern})\\Z"), first)  # type: ignore[attr-defined]
    return own


def _measure(events: Any, what: str) -> None:
    """Before anything is built of it: what is composed by recursion must not be too deep, and what is kept not long."""
    depth = 0
    for number, event in enumerate(events):
        kind = type(event).__name__
        depth += kind.endswith("StartEvent") - kind.endswith("EndEvent")
        if depth > _MAX_DEPTH or number > _MAX_EVENTS:
            text = f"{what} is {'nested deeper' if depth > _MAX_DEPTH else 'longer'} than a project file can need."
            raise BadProject(text, remedy="See who writes to it.")


def _where(error: Any) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""


def _bad(what: str, node: Any, why: str) -> BadProject:
    line = f" (line {node.start_mark.line + 1})" if node.start_mark is not None else ""
    return BadProject(f"{what} is no project file: {why}{line}.", remedy="See who writes to it.")
