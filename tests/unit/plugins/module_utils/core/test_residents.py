# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /api/ps says, recorded from the real server, and what it cannot be trusted with."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.engine_time import engine_time
from ansible_collections.corral.ollama.plugins.module_utils.core.residents import (
    FOREVER,
    as_before,
    residents,
    seconds_left,
)
from ansible_collections.corral.ollama.tests.unit.scripted_server import transcript


def test_the_recording_of_the_real_server():
    models = transcript("ps_keepalive_forever")["response"]["json"]["models"]
    found = residents(models, engine_time("2026-11-21T20:00:00Z"))
    assert [one.forever for one in found] == [True] * len(models)
    assert (found[0].name.display, found[0].digest) == (models[0]["name"], models[0]["digest"])
    more = {"keep_alive": -1, "options": {"num_ctx": models[0]["context_length"]}}
    assert as_before(found[0]) == more
    assert found[0].as_dict()["name"] == models[0]["name"]


@pytest.mark.parametrize(
    ("expires_at", "left"),
    [
        ("2026-11-21T20:05:00Z", 300),
        ("2026-11-21T21:05:00.25+01:00", 301),
        ("2026-11-21T20:00:00Z", None),
        ("2026-11-21T19:00:00Z", None),
        ("2319-03-03T19:00:00.1234567Z", FOREVER),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("soon", None),
        ("", None),
    ],
)
def test_how_long_it_stays(expires_at, left):
    assert seconds_left(expires_at, engine_time("2026-11-21T20:00:00Z")) == left


def test_one_name_twice_and_what_is_no_model():
    entries = [
        {"name": "mistral:7b", "digest": "a" * 64, "context_length": "many"},
        {"model": "mistral:7b", "digest": "b" * 64, "context_length": True},
        {"name": "no name!"},
        {"name": None, "size": -5},
    ]
    found = residents(entries, 0.0)
    assert [(one.name.display, one.digest[0], one.context_length) for one in found] == [
        ("mistral:7b", "a", 0),
        ("mistral:7b", "b", 0),
    ]
    assert as_before(found[0]) == {}
