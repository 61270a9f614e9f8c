# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One instance on its way back into service, and what is known about it so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..core.admission_verdict import Life
from ..core.names import Key
from ..core.placement import noted
from ..core.probe_plan import WantedModel
from ..core.residents import Resident
from .box import Box
from .gateway_door import Door
from .proof_file import ProofFile
from .standing import Target


@dataclass(frozen=True)
class Course:
    """What all instances of a batch have in common. Seconds; the clock and the sleep are those of ``door``."""

    door: Door
    models: tuple[WantedModel, ...]
    memory: ProofFile
    needed: frozenset[Key] = frozenset()
    healthy_deadline: float = 300.0
    deadline: float = 300.0
    drain_timeout: float = 60.0
    min_healthy_time: float = 10.0
    timeout: float = 5.0
    log_lines: int = 20
    now: Callable[[], float] = time.time


@dataclass
class Candidate:
    """``before``: what it had in memory, and what of ``declared`` it had not. The rest is found out on the way;
    ``began`` is its container as first seen."""

    target: Target
    box: Box
    before: tuple[Resident, ...] = ()
    declared: frozenset[Key] = frozenset()
    began: Life | None = None
    life: Life | None = None
    version: str = ""
    image: str = ""
    loaded: tuple[Resident, ...] = ()
    contexts: dict[Key, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.target.name

    @property
    def url(self) -> str:
        return self.target.url

    @contextmanager
    def timed(self, part: str, clock: Callable[[], float]) -> Iterator[None]:
        began = clock()
        try:
            yield
        finally:
            self.seconds[part] = round(clock() - began, 3)

    def shown(self, kind: str = "", why: str = "", log: list[str] | None = None) -> dict[str, Any]:
        return {**blank(self.name), "ok": not why, "kind": kind, "why": why, "log": log or [], **self._found()}

    def _found(self) -> Mapping[str, Any]:
        return {
            "version": self.version,
            "image_digest": self.image,
            "seconds": dict(self.seconds),
            "residents": [noted(one) for one in self.loaded],
            "notes": list(self.notes),
        }


def blank(name: str, ok: bool = False, skipped: bool = False) -> dict[str, Any]:
    """The entry of an instance of which nothing is known (yet)."""
    return {
        "name": name,
        "ok": ok,
        "skipped": skipped,
        "kind": "",
        "why": "",
        "version": "",
        "image_digest": "",
        "seconds": {},
        "residents": [],
        "notes": [],
        "log": [],
    }
