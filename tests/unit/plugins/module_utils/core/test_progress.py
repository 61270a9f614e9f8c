# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes and seconds in words, rates, and the line of progress."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.progress import (
    Progress,
    ProgressMeter,
    progress_from,
    render,
)
from ansible_collections.corral.ollama.plugins.module_utils.core.units import human_bytes, human_pair, human_seconds


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (204_900_000, "204.9 MB"),
        (4.4e9, "4.4 GB"),
        (7e12, "7.0 TB"),
        (3e18, "3000.0 PB"),
    ],
)
def test_bytes(count: float, text: str) -> None:
    assert human_bytes(count) == text


def test_a_pair_shares_its_unit() -> None:
    assert human_pair(88_100_000, 204_900_000) == "88.1 of 204.9 MB"
    assert human_pair(900_000, 204_900_000) == "900.0 kB of 204.9 MB"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.04, "0 s"),
        (0.44, "0.4 s"),
        (3.0, "3 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (125, "2 min 5 s"),
        (12000, "3 h 20 min"),
    ],
)
def test_seconds(seconds: float, text: str) -> None:
    assert human_seconds(seconds) == text


def test_the_rate_is_that_of_the_last_seconds() -> None:
    meter = ProgressMeter("m:1")
    assert meter.update("pulling", 0, 1000, 0.0).rate == 0
    assert meter.update("pulling", 100, 1000, 1.0).rate == 100
    for second in range(2, 31):
        last = meter.update("pulling", 100 + second, 1000, float(second))
    assert last.rate == pytest.approx(1.0)
    assert last.eta == pytest.approx(870.0)


def test_a_new_phase_and_a_step_back_start_anew() -> None:
    meter = ProgressMeter("m:1")
    meter.update("pulling", 500, 1000, 0.0)
    meter.update("pulling", 900, 1000, 1.0)
    assert meter.update("hashing", 0, 1000, 2.0).rate == 0
    assert meter.update("hashing", 200, 1000, 4.0).rate == 100
    assert meter.update("hashing", 100, 1000, 5.0).rate == 0


@pytest.mark.parametrize(
    ("progress", "quiet", "line"),
    [
        (
            Progress("mistral:7b", 88_100_000, 204_900_000, 41_300_000.0, 2.83, "pulling"),
            0.0,
            "host1: mistral:7b pulling 42 % (88.1 of 204.9 MB, 41.3 MB/s, 2.8 s left)",
        ),
        (
            Progress("mistral:7b", 88_100_000, 204_900_000, 41_300_000.0, 2.83, "pulling"),
            12.0,
            "host1: mistral:7b pulling 42 % (88.1 of 204.9 MB, no bytes for 12 s)",
        ),
        (Progress("mistral:7b", phase="verifying"), 0.0, "host1: mistral:7b verifying"),
        (Progress("mistral:7b", phase="verifying"), 8.2, "host1: mistral:7b verifying (no news for 8.2 s)"),
        (Progress("mistral:7b"), 0.0, "host1: mistral:7b working"),
        (Progress("m", 300, 200, phase="hashing"), 0.0, "host1: m hashing 100 % (300 of 200 B)"),
        (Progress("m\r\nn", phase="a\nb", note="c\td"), 0.0, "host1: m n a b (c d)"),
    ],
)
def test_the_line(progress: Progress, quiet: float, line: str) -> None:
    assert render("host1", progress, quiet) == line


def test_a_line_stays_short() -> None:
    long = Progress("m" * 500, 10, 20, 1.0, 1e9, "p" * 500, note="n" * 500)
    assert len(render("h" * 500, long, 1e6)) < 200


@pytest.mark.parametrize("data", [{}, {"total": "x", "eta": "y", "rate": None, "model": 5}, {"completed": [1]}])
def test_what_was_read_may_be_anything(data: dict[str, Any]) -> None:
    render("host1", progress_from(data))


def test_there_and_back() -> None:
    progress = Progress("m:1", 1, 2, 3.0, None, "pulling", 4.0, "note")
    assert progress_from(progress.as_dict()) == progress
