# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrivals: their number, their order, their distances, and the mix."""

from __future__ import annotations

import random
import statistics

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.load_schedule import (
    CONSTANT,
    POISSON,
    arrivals,
    choices,
    expected,
)


def never():
    raise AssertionError("nothing is drawn for even distances")


@pytest.mark.parametrize(
    ("duration", "rate", "ramp", "times"),
    [
        (1.0, 4.0, 0.0, [0.0, 0.25, 0.5, 0.75]),
        (2.0, 0.5, 0.0, [0.0]),
        (0.1, 0.5, 0.0, [0.0]),
        # as many in the ramp as fit under the triangle: four within four seconds, then two a second
        (6.0, 2.0, 4.0, [0.0, 2.0, 8.0**0.5, 12.0**0.5, 4.0, 4.5, 5.0, 5.5]),
        # a ramp longer than the test never gets to its rate
        (2.0, 2.0, 4.0, [0.0]),
        (3.0, 2.0, 4.0, [0.0, 2.0, 8.0**0.5]),
    ],
)
def test_even_distances(duration, rate, ramp, times):
    assert list(arrivals(duration, rate, ramp, CONSTANT, never)) == pytest.approx(times)


@pytest.mark.parametrize("ramp", [0.0, 50.0, 100.0, 400.0])
@pytest.mark.parametrize("kind", [CONSTANT, POISSON])
def test_the_number_is_what_the_rate_comes_to(ramp, kind):
    found = list(arrivals(100.0, 50.0, ramp, kind, random.Random(3).random))
    wanted = expected(100.0, 50.0, ramp)
    # of a Poisson process the standard deviation is the root of the number
    assert abs(len(found) - wanted) <= (1 if kind == CONSTANT else 4 * wanted**0.5)
    assert found == sorted(found)
    assert found[0] >= 0.0
    assert found[-1] < 100.0


def test_distances_at_random_know_nothing_of_each_other():
    found = list(arrivals(1000.0, 20.0, 0.0, POISSON, random.Random(1).random))
    gaps = [after - before for before, after in zip(found, found[1:])]
    # of exponential gaps the deviation is the mean, and about 1/e are longer than it
    assert statistics.pstdev(gaps) == pytest.approx(statistics.mean(gaps), rel=0.05)
    assert sum(gap > 0.05 for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.02)


def test_a_ramp_rises_evenly():
    found = list(arrivals(100.0, 100.0, 100.0, POISSON, random.Random(2).random))
    quarters = [sum(low <= when < low + 25 for when in found) / len(found) for low in (0, 25, 50, 75)]
    assert quarters == pytest.approx([1 / 16, 3 / 16, 5 / 16, 7 / 16], abs=0.02)


def test_the_same_seed_is_the_same_test():
    once, again, other = (list(arrivals(10, 9, 2, POISSON, random.Random(seed).random)) for seed in (7, 7, 8))
    assert once == again != other


def test_the_mix_is_as_its_weights_say():
    picked = choices([3, 0.5, 1.5], random.Random(1).random)
    found = [next(picked) for _unused in range(10_000)]
    assert [found.count(place) / 10_000 for place in range(3)] == pytest.approx([0.6, 0.1, 0.3], abs=0.02)


def test_the_end_of_the_weights_is_no_entry_more():
    assert next(choices([0.1] * 10, lambda: 1.0 - 2**-53)) == 9
