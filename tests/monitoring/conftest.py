# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One watched fleet for all tests here: eight instances, their exporter, Prometheus and Alertmanager."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "practice" / "lib"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from faults import CHAT, MODELS
from watched import Watched, watching

#: Seconds. What the shipped intervals add to what is measured here is arithmetic: see docs/performance.md.
TIMES = {"cache": 0.5, "store": 2.0, "part": 5.0, "request": 2.0, "probe": 1.0, "answer": 4.0}
HOLD = 5
RULES = {
    # What a busy machine delays is no fault: a scrape may take two seconds, and one that fails is no alert yet.
    "monitoring_scrape_seconds": 2,
    "monitoring_evaluation_seconds": 1,
    "monitoring_hold_seconds": HOLD,
    "monitoring_settle_seconds": HOLD,
    "monitoring_group_wait_seconds": 0,
    "monitoring_window_seconds": 15,
    "monitoring_slow_answer_seconds": 1,
}
FLEET = {"corral_environment": {"PRACTICE_GPU": "1"}, "corral_gateway": False}


@pytest.fixture(scope="session")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    with watching(Watched(folder, "corrallab", 26430, MODELS, times=TIMES, rules=RULES, fleet=FLEET)) as found:
        # What is not in memory the exporter does not ask.
        for name in found.names:
            found.ask(name, CHAT, keep_alive=-1)
        yield found
