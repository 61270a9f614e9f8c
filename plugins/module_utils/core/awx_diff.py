# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a declared object differs from what AWX has. Field by field, because awx.awx says "changed" too often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .awx_kinds import NEVER_STATE, ORDERED, SPECIAL
from .awx_nodes import declared_nodes
from .awx_wish import Wanted

ENCRYPTED = "$encrypted$"
HIDDEN = "(not shown)"


@dataclass(frozen=True)
class Difference:
    """A field, what it is and what it is to be; values of secret fields are hidden."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Compared:
    """The differences, and the declared fields that the API does not have."""

    differences: tuple[Difference, ...] = ()
    unknown: tuple[str, ...] = ()


def compare(one: Wanted, found: Mapping[str, Any]) -> Compared:
    """``found`` has names where the API has numbers, and dictionaries where it has their text."""
    fields = [field for field in one.item if field not in (*NEVER_STATE, *one.kind.ignored)]
    known = [field for field in fields if field in found or field in SPECIAL]
    differing = [field for field in known if not _same(one, field, one.item[field], found.get(field))]
    return Compared(
        tuple(
            Difference(field, _shown(one, field, found.get(field)), _shown(one, field, one.item[field]))
            for field in differing
        ),
        tuple(field for field in fields if field not in known),
    )


def _same(one: Wanted, field: str, declared: Any, found: Any) -> bool:
    kind = one.kind
    if field in kind.refs:
        return str(declared or "") == str(found or "")
    if field in kind.lists:
        names, others = one.names(field), [str(name) for name in found or []]
        return names == others if field in ORDERED else sorted(names) == sorted(others)
    if field in kind.loose:
        found = found or {}
        return all(_alike(value, found.get(key)) for key, value in (declared or {}).items())
    if field == "workflow_nodes":
        return declared_nodes(declared) == (found or {})
    return bool(declared == found) or (_empty(declared) and _empty(found))


def _alike(declared: Any, found: Any) -> bool:
    """Equal as far as can be known: what is secret is not shown, and what is empty may be missing."""
    if found == ENCRYPTED:
        return True
    if isinstance(declared, Mapping) and isinstance(found, Mapping):
        return all(_alike(declared.get(key), found.get(key)) for key in {*declared, *found})
    return bool(declared == found) or (_empty(declared) and _empty(found))


def _empty(value: Any) -> bool:
    return value is None or value in ("", {}, [])


def _shown(one: Wanted, field: str, value: Any) -> Any:
    if one.kind.secret and field in one.kind.loose:
        return HIDDEN
    if field == "workflow_nodes" and isinstance(value, list):
        return declared_nodes(value)
    return value
