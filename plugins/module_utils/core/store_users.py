# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that reach into a fleet's store and are none of it: which of them would prune it when they start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .problems import Problem
from .versions import REFUSED, older_than, parse_version

_OFF = ("0", "f", "F", "false", "FALSE", "False")
_IGNORES = next(rule for rule in REFUSED if rule.kind == "ignores_noprune")


@dataclass(frozen=True)
class StoreUser:
    """A container that has the store, a part of it, or a folder around it mounted to write to, and runs Ollama.

    ``noprune``: whether its real environment forbids pruning.
    """

    container: str
    image: str
    running: bool
    noprune: bool
    project: str = ""
    service: str = ""

    @property
    def told(self) -> str:
        named = f" (Compose project {self.project}, service {self.service})" if self.project else ""
        return f"The container {self.container}{named}, {'which runs' if self.running else 'which is stopped'},"


def noprune_on(environment: Mapping[str, str]) -> bool:
    """As Ollama reads it: text that is no truth value means on."""
    text = environment.get("OLLAMA_NOPRUNE", "").strip().strip("\"'")
    return bool(text) and text not in _OFF


def pruner_problems(
    users: Iterable[StoreUser], project: str, volume: str, leaving: Iterable[str] = ()
) -> list[Problem]:
    """One problem for each container that prunes the store. ``leaving``: those that will not start beside the fleet.

    The project's own are made anew with what they need; nobody does that for the containers of others.
    """
    gone = set(leaving)
    others = [one for one in users if one.project != project and one.container not in gone]
    return [_problem(one, volume) for one in others if not one.noprune or _ignores(one.image)]


def _ignores(image: str) -> bool:
    """As far as its tag tells the version: nobody starts the containers of others to ask them."""
    tag = image.split("@")[0].rsplit("/", maxsplit=1)[-1].partition(":")[2]
    return parse_version(tag) is not None and older_than(tag, _IGNORES.since)


def _problem(user: StoreUser, volume: str) -> Problem:
    why = f"is of a version that ignores it ({user.image})" if user.noprune else "runs without OLLAMA_NOPRUNE=1"
    return Problem(
        "store_pruner",
        f"{user.told} mounts the store {volume} to write to and {why}: whenever it starts, it deletes what no manifest"
        " names just then (a version before 0.21.0 at once, another's unfinished pull too; a later one after an hour).",
        "Remove that container, mount the store read-only in it, or set OLLAMA_NOPRUNE=1 for it"
        f" (with Ollama {_IGNORES.since} or later).",
        {"container": user.container, "image": user.image, "volume": volume, "rule": "prunes_shared_store"},
    )
