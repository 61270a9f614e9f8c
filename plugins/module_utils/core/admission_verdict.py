# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held against an instance that was changed: its container, its last words, its last question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import CorralError
from .names import ModelName
from .residents import Resident

_RUNNING = "running"
#: A container that the engine had to restart so often since the change will not come up by waiting.
CRASHES = 3
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-Z\\-_]")
_PASSWORD = re.compile(r"(?<=://)[^\s/@]+@")
_ENVIRONMENT = re.compile(r'env="?map\[.*')
_LINE = 300


class NotAdmitted(CorralError):
    """The instance is not what it has to be. ``kind`` says in which way."""

    kind = "unhealthy"


@dataclass(frozen=True)
class Life:
    """What tells one run of a container from the next."""

    container: str
    state: str
    started_at: str
    restarts: int
    exit_code: int
    oom_killed: bool

    @property
    def runs(self) -> bool:
        return self.state == _RUNNING


def life_of(instance: Mapping[str, Any]) -> Life:
    """From an entry of ``engine.containers``."""
    return Life(
        str(instance["id"]),
        str(instance["state"]),
        str(instance["started_at"]),
        int(instance["restarts"]),
        int(instance["exit_code"]),
        bool(instance["oom_killed"]),
    )


def newest(instances: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """The container of a service: an interrupted recreation can leave an old one beside it."""
    ours = [one for one in instances if one["name"] == name]
    return max(ours, key=lambda one: (one["state"] == _RUNNING, str(one["created_at"]))) if ours else None


def crash(first: Life, now: Life | None, name: str, endured: int = 0) -> NotAdmitted | None:
    """What happened to a container since ``first`` was seen; up to ``endured`` restarts are nothing."""
    if now is None or now.container != first.container:
        return NotAdmitted(f"{name}: its container was removed or replaced by somebody else.", kind="no_container")
    if now.oom_killed and not first.oom_killed:
        return NotAdmitted(
            f"{name}: its container ran out of memory.",
            kind="crashed",
            remedy="Raise its memory limit, or declare fewer or smaller models.",
        )
    restarts = now.restarts - first.restarts
    if restarts > endured:
        times = "once" if restarts == 1 else f"{restarts} times"
        return NotAdmitted(f"{name}: its container was restarted {times}{_exit(now)}.", kind="crashed")
    if endured == 0 and not now.runs:
        return NotAdmitted(f"{name}: its container is {now.state}{_exit(now)}.", kind="crashed")
    if endured == 0 and now.started_at != first.started_at:
        return NotAdmitted(f"{name}: its container was started anew{_exit(now)}.", kind="crashed")
    return None


def _exit(life: Life) -> str:
    return f" (exit code {life.exit_code})" if life.exit_code else ""


def model_for_the_end(answered: Sequence[ModelName], loaded: Iterable[Resident]) -> ModelName | None:
    """The model to ask once more when the watch ends: the smallest loaded one, so that nothing has to move for it.

    ``answered``: the declared models, all of which have answered; without any, what is loaded has to do.
    """
    keys = {name.key for name in answered}
    resident = [one for one in loaded if not keys or one.name.key in keys]
    smallest = min(resident, key=lambda one: (one.size, one.name.key), default=None)
    return smallest.name if smallest else next(iter(answered), None)


def last_lines(raw: bytes, limit: int) -> list[str]:
    """The end of a container's log for people: no colours, no control characters, no environment, no passwords."""
    lines = raw.decode("utf-8", "replace").replace("\r", "\n").split("\n")
    return [_plain(line) for line in lines if line.strip()][-limit:] if limit > 0 else []


def _plain(line: str) -> str:
    clean = "".join(char if char.isprintable() else " " for char in _COLOURS.sub("", line))
    clean = _PASSWORD.sub("", _ENVIRONMENT.sub("env=…", clean)).strip()
    return clean if len(clean) <= _LINE else clean[:_LINE] + "…"
