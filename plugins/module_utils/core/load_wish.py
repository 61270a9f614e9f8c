# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a load test is asked to be: every option judged, all that cannot be meant in one error."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Optional

from .declared import declared_models
from .errors import CorralError
from .load_schedule import CONSTANT, POISSON, expected
from .names import parse_name
from .problems import Problem, raise_all

KINDS = ("auto", "generate", "chat", "embed")
MOST_REQUESTS = 1_000_000
MOST_SECONDS = 7 * 86400.0
NO_TIMEOUT = 3600.0
"""Seconds that answers get after the last arrival where requests have no timeout."""
_KEYS = ("model", "kind", "stream", "weight", "prompt_words", "num_predict")
_RANGES = {
    "duration": (1.0, 86400.0),
    "rate": (0.001, 10_000.0),
    "concurrency": (1, 2000),
    "ramp": (0.0, 86400.0),
    "timeout": (0.0, 86400.0),
    "abort_error_ratio": (0.0, 1.0),
    "abort_min_requests": (1, MOST_REQUESTS),
    "memory_mb": (128, 1_048_576),
}


@dataclass(frozen=True)
class Entry:
    """One kind of request. ``kind`` is auto until a server was asked what the model does."""

    model: str
    kind: str = "auto"
    stream: bool = True
    weight: float = 1.0
    prompt_words: int = 32
    num_predict: int = 64


@dataclass(frozen=True)
class Target:
    name: str
    url: str


@dataclass(frozen=True)
class Wish:
    duration: float
    rate: float
    ramp: float
    arrivals: str
    concurrency: int
    timeout: float
    abort_error_ratio: float
    abort_min_requests: int
    memory_mb: int
    mix: tuple[Entry, ...]
    targets: tuple[Target, ...]

    @property
    def requests(self) -> int:
        """How many arrive, about."""
        return math.ceil(expected(self.duration, self.rate, self.ramp))

    @property
    def hard_limit(self) -> float:
        """Seconds after which nothing is waited for: an arrival waits for a user as long as it then may take."""
        return min(MOST_SECONDS, self.duration + (2 * self.timeout if self.timeout else NO_TIMEOUT) + 30)

    def as_dict(self) -> dict[str, Any]:
        lists = {"mix": [asdict(one) for one in self.mix], "targets": [asdict(one) for one in self.targets]}
        return {**asdict(self), **lists, "requests": self.requests}


def wish_from(options: Mapping[str, Any]) -> Wish:
    """Raises one error with everything that cannot be meant."""
    problems = [*_range_problems(options), *_target_problems(options["targets"])]
    if options["arrivals"] not in (CONSTANT, POISSON):
        problems.append(_bad(f"arrivals is {str(options['arrivals'])[:40]!a}.", f"Use {CONSTANT} or {POISSON}."))
    mix, found = _mix(options["mix"], options["models"])
    problems += found
    raise_all(problems)
    names = (*_RANGES, "arrivals")
    targets = tuple(Target(str(one["name"]), str(one["url"]).rstrip("/")) for one in options["targets"])
    wish = Wish(mix=tuple(mix), targets=targets, **{name: options[name] for name in names})
    raise_all(_size_problems(wish))
    return wish


def _bad(message: str, remedy: str) -> Problem:
    return Problem("bad_input", message, remedy)


def _range_problems(options: Mapping[str, Any]) -> list[Problem]:
    return [
        _bad(f"{name} is {options[name]}.", f"Set it to {low:g} to {high:g}.")
        for name, (low, high) in _RANGES.items()
        if not low <= options[name] <= high
    ]


def _size_problems(wish: Wish) -> list[Problem]:
    if wish.requests > MOST_REQUESTS:
        message = f"{wish.rate:g} requests a second over {wish.duration:g} s are about {wish.requests} requests."
        return [_bad(message, f"A test has {MOST_REQUESTS} at most: lower rate or duration.")]
    return []


def _target_problems(targets: Sequence[Mapping[str, Any]]) -> list[Problem]:
    if not targets:
        return [_bad("There is no target.", "Name at least one.")]
    wrong = [str(one["url"])[:80] for one in targets if not _is_address(str(one["url"]))]
    remedy = "Write http://HOST:PORT or https://HOST:PORT, without user, query and fragment."
    return [_bad(f"{one!a} is no address of a server.", remedy) for one in wrong]


def _is_address(url: str) -> bool:
    scheme, _colon, rest = url.partition("://")
    sound = scheme in ("http", "https") and rest.isascii() and rest.isprintable()
    return sound and bool(rest.strip("/")) and not set(rest) & set(" @?#\\\"'<>")


def _mix(entries: Iterable[Any], models: Iterable[Any]) -> tuple[list[Entry], list[Problem]]:
    """The mix as it was given, or all declared models alike where none was."""
    given = list(entries)
    if not given:
        try:
            given = [one.name.display for one in declared_models(models) if one.state != "absent"]
        except CorralError as error:
            return [], [_bad(error.message, error.remedy)]
    if not given:
        return [], [_bad("There is no model to ask.", "Declare corral_models, or give the test a mix of its own.")]
    found: list[Entry] = []
    problems = []
    for place, value in enumerate(given, 1):
        try:
            found.append(_entry(value if isinstance(value, Mapping) else {"model": value}))
        except CorralError as error:
            problems.append(_bad(f"mix entry {place}: {error.message}", error.remedy))
    return found, problems


def _entry(given: Mapping[str, Any]) -> Entry:
    unknown = sorted(str(key) for key in given if key not in _KEYS)
    if unknown:
        raise CorralError(f"{', '.join(unknown)[:80]!a} is not known here.", remedy=f"It takes {', '.join(_KEYS)}.")
    kind = str(given.get("kind") or "auto")
    if kind not in KINDS:
        raise CorralError(f"kind is {kind[:40]!a}.", remedy=f"Use {', '.join(KINDS)}.")
    stream = given.get("stream", True)
    if not isinstance(stream, bool):
        raise CorralError(f"stream is {str(stream)[:40]!a}.", remedy="Use true or false.")
    return Entry(
        parse_name(str(given.get("model") or "")).display,
        kind,
        stream,
        _number(given, "weight", 1.0, 0.001, 1e6),
        int(_number(given, "prompt_words", 32, 1, 100_000)),
        int(_number(given, "num_predict", 64, 1, 100_000)),
    )


def _number(given: Mapping[str, Any], name: str, default: float, low: float, high: float) -> float:
    value: Any = given.get(name, default)
    number: Optional[float] = None
    if not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = None
    if number is None or not low <= number <= high:
        raise CorralError(f"{name} is {str(value)[:40]!a}.", remedy=f"Set it to {low:g} to {high:g}.")
    return number
