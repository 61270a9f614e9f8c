# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When the requests of a load test arrive: decided before the first is sent, so that slow answers delay none."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

CONSTANT, POISSON = "constant", "poisson"

Draw = Callable[[], float]
"""A number from 0 up to 1, without 1."""


def expected(duration: float, rate: float, ramp: float) -> float:
    """How many requests arrive in ``duration`` seconds: ``rate`` a second, rising evenly from none within ``ramp``."""
    rising = min(duration, ramp)
    return rate * (rising * rising / (2 * ramp) if ramp > 0 else 0.0) + rate * (duration - rising)


def arrivals(duration: float, rate: float, ramp: float, kind: str, draw: Draw) -> Iterator[float]:
    """Seconds from the start, in order, below ``duration``.

    An even sequence (constant), or one of gaps that know nothing of each other (Poisson), in which one request is one
    step; then each step is put where the rising rate has brought so many requests.
    """
    step = 0.0 if kind == CONSTANT else _gap(draw)
    while True:
        when = _moment(step, rate, ramp)
        if when >= duration:
            return
        yield when
        step += 1.0 if kind == CONSTANT else _gap(draw)


def choices(weights: Sequence[float], draw: Draw) -> Iterator[int]:
    """Which entry of the mix each request is, for ever: as often as its weight says."""
    bounds = list(accumulate(weights))
    while True:
        # At the very end of the sum, rounding could name one more than there are.
        yield min(bisect_right(bounds, draw() * bounds[-1]), len(bounds) - 1)


def _gap(draw: Draw) -> float:
    return -math.log(1.0 - draw())


def _moment(step: float, rate: float, ramp: float) -> float:
    """When as many requests as ``step`` have arrived."""
    within = rate * ramp / 2
    return math.sqrt(2 * ramp * step / rate) if step < within else step / rate + ramp / 2
