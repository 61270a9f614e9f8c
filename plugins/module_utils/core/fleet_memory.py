# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPUs of each instance and what is in its memory, in words; instances that are alike are told together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from .columns import counted, short
from .fleet_table import HOSTS
from .told import mapping, mappings, texts
from .units import human_bytes

_ALIKE_FROM = 2
_MODELS = 20
_LABEL = 40
_CLOCK = slice(len("2026-11-22T"), len("2026-11-22T10:00"))


@dataclass(frozen=True)
class Memory:
    """One instance: the GPUs declared for it and seen by its server, with what it computes, and what is loaded."""

    declared: str
    seen: str
    library: str
    loaded: tuple[str, ...]


def memories(report: Mapping[str, Any], host: str) -> list[tuple[list[str], Memory]]:
    """The instances of a host, neighbours that are alike together; empty when nothing is known."""
    given = {str(row.get("server")): row for row in mappings(mapping(report, "gpus"), host)}
    loaded = mapping(mapping(report, "residents"), host)
    groups: list[tuple[list[str], Memory]] = []
    for name in dict.fromkeys([*given, *loaded]):
        one = _memory(given.get(name, {}), loaded, name)
        if groups and groups[-1][1] == one:
            groups[-1][0].append(name)
        else:
            groups.append(([name], one))
    return groups


def memory_table(report: Mapping[str, Any], width: int) -> str:
    """What is resident where, below the table of the instances."""
    lines: list[str] = []
    hosts = list(dict.fromkeys([*mapping(report, "gpus"), *mapping(report, "residents")]))
    for host in hosts[:HOSTS]:
        rows = [(called(names), _words(one)) for names, one in memories(report, host)]
        label = min(max((len(name) for name, _text in rows), default=0), _LABEL)
        lines += ["", *wrap(f"Memory of {host}", width)]
        for name, text in rows:
            row = f"  {short(name, label).ljust(label)}  {text}"
            lines += wrap(row, width, subsequent_indent=" " * (label + 4), break_on_hyphens=False)
    more = ["", f"Memory of {counted(len(hosts) - HOSTS, 'more host')}: see fleet.html"] if len(hosts) > HOSTS else []
    return "\n".join([*lines, *more])


def called(names: list[str]) -> str:
    """``ollama-server-1 … ollama-server-8 (8)``."""
    return names[0] if len(names) < _ALIKE_FROM else f"{names[0]} … {names[-1]} ({len(names)})"


def share(model: Mapping[str, Any]) -> str:
    """``50% on GPU`` or ``on CPU``; empty when it is not known."""
    size, there = model.get("size"), model.get("size_vram")
    if not isinstance(size, int) or not isinstance(there, int) or size <= 0:
        return ""
    return f"{there / size:.0%} on GPU" if there else "on CPU"


def _memory(row: Mapping[str, Any], loaded: Mapping[str, Any], name: str) -> Memory:
    seen = [" ".join(_gpu(one)) for one in mappings(row, "seen")]
    # What a container was given is an identifier, and no two are alike: how many there are is what people compare.
    declared = texts(row, "expected")
    return Memory(
        "all" if declared == ["all"] else str(len(declared) or "none"),
        "; ".join(_together(seen)) or ("none" if "seen" in row else ""),
        str(row.get("library") or ""),
        tuple(_resident(one) for one in mappings(loaded, name)) if name in loaded else ("not known",),
    )


def _gpu(one: Mapping[str, Any]) -> Iterable[str]:
    return (str(one[key]) for key in ("name", "total") if one.get(key))


def _together(names: list[str]) -> list[str]:
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    return [f"{count} × {name}" if count > 1 else name or "one of no name" for name, count in counts.items()]


def _resident(one: Mapping[str, Any]) -> str:
    context, until = one.get("context_length"), str(one.get("expires") or "")
    told = [
        human_bytes(one["size"]) if isinstance(one.get("size"), int) else "",
        share(one),
        f"context {context}" if context else "",
        # To the minute: to the second no two instances are alike.
        "for ever" if until == "never" else f"until {until[_CLOCK]}Z" if until else "",
    ]
    facts = ", ".join(filter(None, told))
    return f"{one.get('name')} ({facts})" if facts else str(one.get("name"))


def _words(one: Memory) -> str:
    more = f"; and {counted(len(one.loaded) - _MODELS, 'more model')}" if len(one.loaded) > _MODELS else ""
    loaded = "; ".join(one.loaded[:_MODELS]) + more or "nothing"
    gpus = f"GPU {one.declared}, sees {one.seen}" if one.seen and (one.declared, one.seen) != ("none", "none") else ""
    return f"{gpus}: {loaded}" if gpus else loaded
