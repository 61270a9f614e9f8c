# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics of the exporter are what rules, dashboards and the reference are written for."""

from __future__ import annotations

import re

from ansible_collections.corral.ollama.plugins.module_utils.core.exporter_metrics import (
    BY_NAME,
    COUNTER,
    METRICS,
    reference,
)


def test_names_are_in_the_notation_of_prometheus_and_counters_end_in_total():
    for metric in METRICS:
        assert re.fullmatch(r"corral_[a-z]+(_[a-z]+)*", metric.name)
        assert metric.name.endswith("_total") is (metric.kind == COUNTER)
        assert metric.help.endswith(".")
        assert "project" not in metric.labels
    assert len(BY_NAME) == len(METRICS)


def test_the_reference_has_a_row_for_each():
    rows = [line for line in reference().splitlines() if line.startswith("| `corral_")]
    assert [row.split("`")[1] for row in rows] == [metric.name for metric in METRICS]
