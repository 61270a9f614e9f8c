# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of the table: each line has that of the worst in it, and what explains the signs has none."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_report import fleet_report
from ansible_collections.corral.ollama.plugins.module_utils.core.fleet_table import LEGEND, fleet_table
from ansible_collections.corral.ollama.plugins.module_utils.core.line_tone import BAD, GOOD, OPEN, PLAIN, tone_of
from ansible_collections.corral.ollama.tests.unit.paged import NOW, troubled


@pytest.mark.parametrize(
    ("line", "tone"),
    [
        ("  ollama-server-1 11434  6591e0a ✓✓  6591e0a ✓○", GOOD),
        ("  ollama-server-1 11434  6591e0a ✓✓  6591e0a ✓·", OPEN),
        ("  ollama-server-1 11434  6591e0a ✓✗  6591e0a ✓·", BAD),
        ("  ollama-server-1 11434  6591e0a ✓✓  6591e0a ≠✓", BAD),
        ("  ollama-server-1 11434  ––––––– ✗·", BAD),
        ("✗ gpu-1: it was not verified.", BAD),
        ("! gpu-1: the store was never scrubbed.", OPEN),
        ("- gpu-1: all is well ✓", PLAIN),
        ("gpu-1 (0.32.15)", PLAIN),
        ("", PLAIN),
        (LEGEND, PLAIN),
    ],
)
def test_a_line(line, tone):
    assert tone_of(line) == tone


def test_every_sign_of_the_table_has_a_tone():
    tones = [tone_of(line) for line in fleet_table(fleet_report(troubled(), NOW)).splitlines()]
    assert {BAD, GOOD, OPEN, PLAIN} == set(tones)
