# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted in the log of an Ollama server, and how much of it is still no problem.

The texts are those of the server's own lines: requests by gin (``[GIN] 2026/11/21 - 19:50:22 | 404 | …``), everything
else by slog (``time=… level=INFO source=… msg="…"``), progress as ``ollama pull`` and the pull's stream have it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from .declared import BadInput

_REQUEST = r"^\[GIN\] \S+ - \S+ \|\s*%d\s*\|"
_FIELDS = ("count", "per_minute", "in_a_minute")


@dataclass(frozen=True)
class Limits:
    """The most that is allowed: of all, on average per minute, and within one minute of the clock. None: any number."""

    count: Optional[int] = None
    per_minute: Optional[float] = None
    in_a_minute: Optional[int] = None

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _FIELDS}

    def __str__(self) -> str:
        words = {"count": "in all", "per_minute": "a minute on average", "in_a_minute": "within one minute"}
        told = [f"{getattr(self, name):g} {words[name]}" for name in _FIELDS if getattr(self, name) is not None]
        return ", ".join(told) or "any number"


@dataclass(frozen=True)
class LogClass:
    """One kind of line: it has one of ``needles`` in it (cheap to look for) and matches ``pattern``.

    ``anywhere`` is for patterns of a user, which are looked for in the first ``reach`` characters. The others are the
    server's own words: they do not count in a line of gin, where a client writes what it likes into the path.
    """

    name: str
    pattern: re.Pattern[str]
    needles: tuple[str, ...] = ()
    limits: Limits = Limits(count=0)
    remedy: str = ""
    request: bool = False
    anywhere: bool = False
    reach: int = 0


def _said(name: str, pattern: str, needles: tuple[str, ...], limits: Limits, remedy: str) -> LogClass:
    return LogClass(name, re.compile(pattern), needles, limits, remedy)


def _status(code: int, limits: Limits, remedy: str) -> LogClass:
    return LogClass(f"http_{code}", re.compile(_REQUEST % code), (f" {code} ",), limits, remedy, request=True)


_NONE = Limits(count=0)
_A_FEW = Limits(in_a_minute=5)
SERVER_CLASSES = (
    _status(404, _NONE, "Compare the models that clients ask for with corral_models."),
    _status(
        499,
        Limits(per_minute=1.0, in_a_minute=10),
        "Clients left while they waited: give them longer deadlines, or keep the model loaded.",
    ),
    _status(500, _NONE, "Look at the lines before it in the container's log; run corral.ollama.verify."),
    _status(503, _NONE, "The queue was full: add instances, or raise OLLAMA_MAX_QUEUE."),
    _said(
        "load_timeout",
        # with "context canceled" it was the client that left: that is a 499
        r"timed out waiting for llama(?:-server| runner) to start(?!: context canceled)",
        ("timed out waiting for llama",),
        _NONE,
        "Raise OLLAMA_LOAD_TIMEOUT, or make the store's disk faster.",
    ),
    _said(
        "runner_crash",
        r"llama(?:-server| runner) (?:terminated|process has terminated|process no longer running)",
        ("llama-server ", "llama runner "),
        _NONE,
        "Look for want of memory first (dmesg, nvidia-smi), then run corral.ollama.verify.",
    ),
    _said("digest_mismatch", "digest mismatch", ("digest mismatch",), _NONE, "Run corral.ollama.scrub."),
    _said(
        "pull_retry",
        r"part \d+ attempt \d+ failed: |backing off and retrying|max retries exceeded",
        (" attempt ", "backing off", "max retries"),
        _A_FEW,
        "Look at the way to the registry.",
    ),
    _said("pull_stall", r"part \d+ stalled; retrying", ("stalled;",), _A_FEW, "Look at the way to the registry."),
    _said(
        "pulling_manifest",
        "pulling manifest",
        ("pulling manifest",),
        _A_FEW,
        "Something pulls again and again: find out what ends its pulls.",
    ),
    _said(
        "prune",
        r"total unused blobs removed: \d+|corrupt manifests detected, skipping prune|couldn't remove unused layers",
        ("unused", "skipping prune"),
        _NONE,
        "A server that shares a store must not prune it: set OLLAMA_NOPRUNE=1, as the role instances does.",
    ),
)


def with_thresholds(given: Mapping[str, Any]) -> tuple[LogClass, ...]:
    """The server's classes with a user's limits. Raises BadInput for a class that is none, or a limit that is none."""
    known = [one.name for one in SERVER_CLASSES]
    for name in given:
        if name not in known:
            raise BadInput(f"thresholds names {str(name)!a}, which is no class.", remedy=f"Use {', '.join(known)}.")
    return tuple(
        replace(one, limits=limits_from(f"thresholds.{one.name}", given[one.name])) if one.name in given else one
        for one in SERVER_CLASSES
    )


def limits_from(where: str, given: Any) -> Limits:
    """A number (how many in all), or a dictionary with ``count``, ``per_minute`` and ``in_a_minute``."""
    if not isinstance(given, Mapping):
        return Limits(count=_whole(where, given))
    unknown = sorted(str(name) for name in given if name not in _FIELDS)
    if unknown:
        raise BadInput(f"{where} has {', '.join(unknown)}.", remedy=f"It takes {', '.join(_FIELDS)}.")
    count, rate, burst = (given.get(name) for name in _FIELDS)
    return Limits(
        None if count is None else _whole(f"{where}.count", count),
        None if rate is None else _number(f"{where}.per_minute", rate),
        None if burst is None else _whole(f"{where}.in_a_minute", burst),
    )


def _whole(where: str, given: Any) -> int:
    number = _number(where, given)
    if number != int(number):
        raise BadInput(f"{where} is {given!a}, not a whole number.", remedy="Lines are counted one by one.")
    return int(number)


def _number(where: str, given: Any) -> float:
    try:
        number = -1.0 if isinstance(given, bool) else float(given)
    except (TypeError, ValueError):
        number = -1.0
    if not 0 <= number < 1e15:
        raise BadInput(f"{where} is {given!a}, not a number from 0.", remedy="Use 0 where nothing is allowed.")
    return number
