# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which blobs a scrub reads, and in which order: what was never read first, then what was read the longest ago.

A share (``part``) covers everything within a stated number of runs, also while the store grows, shrinks and changes.
For that every run looks back: what was read in none of the last runs has to be read within those that are left.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .declared import BadInput
from .receipts import Receipt, Stamp

QUICK, INCREMENTAL, FULL = "quick", "incremental", "full"
#: Receipts may be dated this many seconds ahead: clocks are set right by small steps.
CLOCK_SLACK = 60.0
#: A full scrub that was interrupted longer ago than this is not resumed but begun anew.
CYCLE_LIFE = 90 * 86400.0
MAX_RUNS = 1000
_NEVER = float("-inf")
_PART = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", re.ASCII)


@dataclass(frozen=True)
class Part:
    """``count`` of ``of`` equal shares of the store's bytes."""

    count: int
    of: int

    @property
    def runs(self) -> int:
        """So many runs read everything."""
        return -(-self.of // self.count)


@dataclass(frozen=True)
class Wish:
    """What a scrub is asked for; 0 and ``None`` are no limit. Seconds, bytes, a load average."""

    mode: str
    max_bytes: int = 0
    max_seconds: float = 0.0
    max_load: float = 0.0
    max_age: float = 0.0
    part: Part | None = None


@dataclass(frozen=True)
class Past:
    """What earlier scrubs left: when the full one began that has not ended, and when the last runs by part began."""

    full_since: float = 0.0
    part_runs: tuple[float, ...] = ()


@dataclass(frozen=True)
class ToRead:
    digest: str
    size: int


@dataclass(frozen=True)
class ScrubPlan:
    """``reads`` in their order; ``cut`` names the limit that leaves something out of them.

    ``believed``: the receipts that hold for the files as they are. ``wanted``: what has to be read, after ``since``,
    for the scrub to be complete, whatever limits there are. ``future``: receipts that are dated after now.
    """

    mode: str
    reads: tuple[ToRead, ...]
    believed: Mapping[str, Receipt]
    wanted: frozenset[str]
    since: float
    cut: str = ""
    future: int = 0

    @property
    def bytes_to_read(self) -> int:
        return sum(one.size for one in self.reads)

    def left(
        self, blobs: Mapping[str, Stamp], receipts: Mapping[str, Receipt], unreadable: Container[str]
    ) -> list[str]:
        """What is wanted and still there and not read; to have found it unreadable is to have looked."""
        return [
            digest
            for digest in self.wanted
            if digest in blobs and digest not in unreadable and not self._is_read(receipts.get(digest))
        ]

    def _is_read(self, receipt: Receipt | None) -> bool:
        return receipt is not None and receipt.verified_at >= self.since


def parse_part(text: str) -> Part | None:
    """``1/7`` to a part, ``None`` for an empty text."""
    if not text:
        return None
    match = _PART.fullmatch(text)
    part = Part(int(match[1]), int(match[2])) if match else None
    if part is None or part.count > part.of or part.runs > MAX_RUNS:
        raise BadInput(
            f"part is {text[:40]!a}, not a share of the store.",
            remedy=f"Write it as 1/7 (a seventh in each run, everything in seven); at most {MAX_RUNS} runs.",
        )
    return part


def scrub_plan(
    wish: Wish, blobs: Mapping[str, Stamp], receipts: Mapping[str, Receipt], past: Past, now: float
) -> ScrubPlan:
    """``blobs``: every plain file of the store under a digest's name."""
    believed = holding(blobs, receipts, now)
    future = sum(_ahead(receipts[digest], now) for digest in blobs if digest in receipts)
    ages = {digest: believed[digest].verified_at if digest in believed else _NEVER for digest in blobs}
    order = sorted(blobs, key=lambda digest: (ages[digest], digest))
    since = _cycle(wish, past, now)
    wanted = frozenset(digest for digest in order if _is_wanted(wish, ages[digest], since, now))
    # a limit without an age to go by is meant to be used up: on what was read the longest ago
    fill = wish.mode == INCREMENTAL and not wish.max_age and (wish.part or wish.max_bytes or wish.max_seconds)
    due = [ToRead(digest, blobs[digest].size) for digest in order if fill or digest in wanted]
    target = part_target([(ages[digest], _weight(blobs[digest].size)) for digest in order], wish.part, past, now)
    reads, cut = _limited(due, wish.max_bytes, target)
    if not wish.max_seconds and not wish.max_load:
        # nothing ends this run early: the largest first keeps all processors busy to the end
        reads = sorted(reads, key=lambda one: -one.size)
    return ScrubPlan(wish.mode, tuple(reads), believed, wanted, since, cut, future)


def part_target(aged: Sequence[tuple[float, int]], part: Part | None, past: Past, now: float) -> int:
    """How much this run reads at least, of ``(last read, size)`` in that order; -1 for all.

    With ``n`` runs to cover all: what was last read before the run that was n - k runs ago has k runs left, this one
    included. The last of these conditions (k = 1) alone would do; the others spread the work evenly.
    """
    if part is None:
        return -1
    ages = [age for age, _size in aged]
    sums = [0, *itertools.accumulate(size for _age, size in aged)]
    target = -(-sums[-1] * part.count // part.of)
    for ago, began in enumerate(reversed(known_runs(past, part, now)), 1):
        overdue = sums[bisect.bisect_right(ages, began)]
        target = max(target, -(-overdue // (part.runs - ago)))
    return target


def known_runs(past: Past, part: Part, now: float) -> tuple[float, ...]:
    """When the runs before this one began, as far back as they count; what is dated after now never was."""
    runs = sorted(began for began in past.part_runs if 0 <= began <= now)
    return tuple(runs[len(runs) - min(len(runs), part.runs - 1) :])


def holding(blobs: Mapping[str, Stamp], receipts: Mapping[str, Receipt], now: float) -> dict[str, Receipt]:
    """The receipts that are believed: nothing has touched the file since, and they are not dated after now."""
    return {digest: receipts[digest] for digest, stamp in blobs.items() if _holds(receipts.get(digest), stamp, now)}


def _holds(receipt: Receipt | None, stamp: Stamp, now: float) -> bool:
    return receipt is not None and receipt.matches(stamp) and 0 <= receipt.verified_at <= now + CLOCK_SLACK


def _ahead(receipt: Receipt, now: float) -> bool:
    return receipt.verified_at > now + CLOCK_SLACK


def _cycle(wish: Wish, past: Past, now: float) -> float:
    """When the full scrub began that this one goes on with; now, where it is not to go on with any."""
    resumes = wish.mode == FULL and past.full_since > 0 and 0 <= now - past.full_since <= CYCLE_LIFE
    return past.full_since if resumes else now


def _is_wanted(wish: Wish, age: float, since: float, now: float) -> bool:
    if wish.mode == QUICK:
        return False
    if wish.mode == FULL:
        return age < since
    return age == _NEVER or bool(wish.max_age and age < now - wish.max_age)


def _weight(size: int) -> int:
    """An empty blob counts too: it has to have its turn."""
    return max(1, size)


def _limited(due: Iterable[ToRead], max_bytes: int, target: int) -> tuple[list[ToRead], str]:
    """The first of them within the limits. The first one always: else a blob above the limit would never be read."""
    reads: list[ToRead] = []
    total = weight = 0
    for one in due:
        if 0 <= target <= weight:
            return reads, "part"
        if reads and max_bytes and total + one.size > max_bytes:
            return reads, "max_bytes"
        reads.append(one)
        total += one.size
        weight += _weight(one.size)
    return reads, ""
