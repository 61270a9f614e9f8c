# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of day."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.windows import parse_window


@pytest.mark.parametrize(
    ("text", "open_at", "shut_at"),
    [("22:00-06:00", ["22:00", "23:59", "00:00", "05:59"], ["06:00", "21:59"]), ("08:30-09:00", ["08:30"], ["09:00"])],
)
def test_open_and_shut(text, open_at, shut_at):
    def minute(clock):
        return int(clock[:2]) * 60 + int(clock[3:])

    window = parse_window(text)
    assert all(window.open_at(minute(clock)) for clock in open_at)
    assert not any(window.open_at(minute(clock)) for clock in shut_at)


def test_none_is_any_time():
    assert parse_window(" ") is None


@pytest.mark.parametrize(
    "text", ["24:00-01:00", "1:00-2:00", "22:00", "05:00-05:00", "22:60-23:00", "١٢:00-13:00", "x"]
)
def test_what_is_none_is_refused(text):
    with pytest.raises(BadInput):
        parse_window(text)
