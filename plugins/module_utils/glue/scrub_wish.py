# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parameters of ``store_scrub`` mean; all that is wrong with them in one error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.declared import BadInput
from ..core.scrub_plan import FULL, Wish, parse_part
from ..store.layout import StorePaths, store_at
from ..store.scrubber import Manners
from ..store.throttle import Limits

_LIMITS = ("max_bytes", "max_seconds", "max_age", "bytes_per_second", "max_load", "load_wait", "wait")


@dataclass(frozen=True)
class Wanted:
    paths: StorePaths
    wish: Wish
    limits: Limits
    manners: Manners
    wait: float
    fail: bool
    progress_path: str | None


def wanted_of(params: Mapping[str, Any]) -> Wanted:
    _refuse_bad(params)
    part = parse_part(params["part"])
    wish = Wish(params["mode"], params["max_bytes"], params["max_seconds"], params["max_load"], params["max_age"], part)
    limits = Limits(params["bytes_per_second"], params["max_seconds"], params["max_load"], params["load_wait"])
    # one thread hashes faster than any rate that is worth a limit, and leaves the other processors to the servers
    threads = params["threads"] or int(params["bytes_per_second"] > 0)
    manners = Manners(threads, params["idle_io"], params["nice"])
    fail = params["on_damage"] == "fail"
    return Wanted(store_at(params["path"]), wish, limits, manners, params["wait"], fail, params["progress_path"])


def _refuse_bad(params: Mapping[str, Any]) -> None:
    # not below: NaN compares with nothing
    problems = [f"{name} is {params[name]:g}, below 0." for name in _LIMITS if not params[name] >= 0]
    problems += [
        f"{name} is {params[name]}, not 0 to {most}."
        for name, most in (("threads", 32), ("nice", 19))
        if not 0 <= params[name] <= most
    ]
    if params["part"] and params["mode"] == FULL:
        problems.append("part goes with the mode incremental: it re-reads that share of what was read the longest ago.")
    if problems:
        raise BadInput(" ".join(problems), remedy="Correct the options of store_scrub.", problems=problems)
