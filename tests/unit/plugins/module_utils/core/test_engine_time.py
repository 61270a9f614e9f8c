# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The moments that the engine and Ollama write, and what is none."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.engine_time import engine_time

NOW = 1795302000.0  # 2026-11-21T23:00:00Z


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T23:00:00Z", NOW),
        ("2026-11-21T23:00:00.25Z", NOW + 0.25),
        ("2026-11-21T23:00:00.250000000Z", NOW + 0.25),
        ("2026-11-22T01:00:00.5+02:00", NOW + 0.5),
        ("2026-11-21T13:00:00-10:00", NOW),
        ("", 0),
        ("soon", 0),
        ("2026-11-21T23:00:00", 0),
        ("2026-11-21T23:00:00.1234567890Z", 0),
        ("2026-13-41T25:61:61Z", 0),
        ("2026-11-21T23:00:00+99:99", 0),
    ],
)
def test_a_moment(text, moment):
    assert engine_time(text) == moment
