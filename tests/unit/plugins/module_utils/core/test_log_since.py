# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when: what a person writes, in the engine's notation."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.declared import BadInput
from ansible_collections.corral.ollama.plugins.module_utils.core.engine_time import engine_time
from ansible_collections.corral.ollama.plugins.module_utils.core.log_since import at, fixed, since_from

NOW = 1795302000.0  # 2026-11-21T23:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("start", None),
        ("600", "2026-11-21T22:50:00.000000000Z"),
        ("0.5", "2026-11-21T22:59:59.500000000Z"),
        ("9999999999", "1970-01-01T00:00:00.000000000Z"),
        ("2026-11-21T22:00:00Z", "2026-11-21T22:00:00.000000000Z"),
        ("2026-11-21 22:00:00.5Z", "2026-11-21T22:00:00.500000000Z"),
        ("2026-11-21T22:00:00.123456789123+01:30", "2026-11-21T20:30:00.123456789Z"),
        ("2026-11-21 22:00:00+00:00", "2026-11-21T22:00:00.000000000Z"),
    ],
)
def test_a_moment(text, expected):
    assert since_from(text, NOW) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "since is '', which is no time, or one without a zone."),
        ("yesterday", "since is 'yesterday', which is no time"),
        ("-5", "since is '-5', which is no time"),
        ("2026-11-21T22:00:00", "since is '2026-11-21T22:00:00', which is no time, or one without a zone."),
        ("2026-13-21T22:00:00Z", "since is '2026-13-21T22:00:00Z', which is no time"),
        ("1969-12-31T22:00:00Z", "since is '1969-12-31T22:00:00Z', which is no time"),
        ("0001-01-01T00:00:00+09:00", "since is '0001-01-01T00:00:00+09:00', which is no time"),
        ("2026-11-21T23:00:01Z", "since is '2026-11-21T23:00:01Z', which is still to come (2026-11-21T23:00:00"),
    ],
)
def test_what_is_no_moment(text, message):
    with pytest.raises(BadInput) as caught:
        since_from(text, NOW)
    assert str(caught.value).startswith(message)
    assert str(caught.value).endswith("Give a number of seconds, a time such as 2026-11-21T22:00:00Z, or start.")


def test_the_notation_is_of_one_length_and_goes_both_ways():
    assert fixed("0001-01-01T00:00:00Z") == ""
    assert len(fixed("2026-11-21T22:00:00Z")) == len(fixed("2026-11-21T22:00:00.1Z")) == len(at(NOW)) == 30
    assert engine_time(at(NOW + 0.25)) == NOW + 0.25
