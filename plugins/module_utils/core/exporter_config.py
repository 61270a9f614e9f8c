# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exporter is told by its file: the declared fleet of one host, where its memory lies, and how to look."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .declared import BadInput
from .names import Key, ModelName, parse_name
from .probe_plan import Server, models_from, servers_from

SCHEMA = 1
_REMEDY = "Run the role corral.ollama.exporter, which writes it."


@dataclass(frozen=True)
class Times:
    """Seconds. ``cache``: for how long a reading counts; ``store``: the same for the look that counts every file.
    ``part``: how long a scrape waits for a part; ``request``: how long a server gets for one answer.
    ``probe``: between two rounds of asking, 0 for never; ``answer``: how long a model gets."""

    cache: float = 15.0
    store: float = 300.0
    part: float = 5.0
    request: float = 3.0
    probe: float = 300.0
    answer: float = 120.0


@dataclass(frozen=True)
class Config:
    """``models``: digest by declared name, "" for what the store holds; ``residents``: (server, name) that have to be
    in memory; ``gpus``: by server, how many it is declared to have. ``load``: ask what is not in memory too."""

    project: str
    servers: tuple[Server, ...]
    models: Mapping[ModelName, str]
    residents: frozenset[tuple[str, Key]]
    gpus: Mapping[str, int]
    image: str
    store_path: str
    state_dir: str
    address: str = "127.0.0.1"
    port: int = 9435
    times: Times = Times()
    load: bool = False
    concurrency: int = 16

    @property
    def names(self) -> dict[Key, ModelName]:
        return {name.key: name for name in self.models}


def config_from(document: Any) -> Config:
    """From the file's JSON; raises BadInput that says what of it cannot be meant."""
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        raise BadInput(f"The exporter's file is not of the schema {SCHEMA}.", remedy=_REMEDY)
    servers = servers_from(_list(document, "servers"))
    names = [server.name for server in servers]
    return Config(
        project=_text(document, "project"),
        servers=servers,
        models={one.name: one.digest for one in models_from(_list(document, "models"))},
        residents=frozenset(one for entry in _list(document, "residents") for one in _resident(entry, names)),
        gpus={server.name: _gpus(entry) for server, entry in zip(servers, document["servers"])},
        image=_text(document, "image"),
        store_path=_text(document, "store_path"),
        state_dir=_text(document, "state_dir"),
        address=_text(document, "address"),
        port=int(_number(document, "port", 9435, 1, 65535)),
        times=_times(document.get("times", {})),
        load=document.get("probe_load") is True,
        concurrency=int(_number(document, "concurrency", 16, 1, 256)),
    )


def _times(given: Any) -> Times:
    if not isinstance(given, Mapping):
        raise BadInput("times of the exporter's file is no mapping.", remedy=_REMEDY)
    plain = Times()
    least = {"cache": 0.0, "store": 0.0, "probe": 0.0}
    return Times(
        **{name: _number(given, name, getattr(plain, name), least.get(name, 0.1), 86400) for name in vars(plain)}
    )


def _resident(entry: Any, servers: Sequence[str]) -> list[tuple[str, Key]]:
    """A name, or a mapping with name and the instances that have to have it; without those, all."""
    given = entry if isinstance(entry, Mapping) else {"name": entry}
    key = parse_name(given.get("name", "")).key
    wanted = [str(name) for name in given.get("instances") or servers]
    return [(server, key) for server in servers if server in wanted]


def _gpus(entry: Any) -> int:
    """Of 'all' nobody knows how many there are; one of them has to be there."""
    gpus = entry.get("gpus") if isinstance(entry, Mapping) else None
    return len(gpus) if isinstance(gpus, (list, tuple)) else 0


def _list(document: Mapping[str, Any], key: str) -> list[Any]:
    value = document.get(key, [])
    if not isinstance(value, list):
        raise BadInput(f"{key} of the exporter's file is no list.", remedy=_REMEDY)
    return value


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{key} of the exporter's file is missing, or no text.", remedy=_REMEDY)
    return value


def _number(document: Mapping[str, Any], key: str, plain: float, least: float, most: float) -> float:
    value = document.get(key, plain)
    sound = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not sound or not least <= value <= most:
        raise BadInput(f"{key} of the exporter's file is {value!a}, not {least:g} to {most:g}.", remedy=_REMEDY)
    return float(value)
