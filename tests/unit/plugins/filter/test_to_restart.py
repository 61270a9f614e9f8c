# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who restarts after a repair, and what is asked of each then."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.to_restart import FilterModule
from ansible_collections.corral.ollama.plugins.module_utils.core.engine_time import engine_time

to_restart = FilterModule().filters()["to_restart"]
STORE = [{"name": "ollama_models"}]
AT = engine_time("2026-11-22T01:13:00Z")
MODELS = [{"name": "a:1", "at": AT}, {"name": "b:1", "at": AT - 3600}]


def instance(name, started, state="running", volumes=None):
    return {"name": name, "started_at": started, "state": state, "volumes": STORE if volumes is None else volumes}


FLEET = [
    instance("old", "2026-11-21T20:00:00.123456789Z"),
    instance("between", "2026-11-22T00:30:00Z"),
    instance("new", "2026-11-22T01:13:00.000000001Z"),
    instance("stopped", "2026-11-21T20:00:00Z", "exited"),
    instance("looping", "2026-11-22T01:12:59.9Z", "restarting"),
    instance("elsewhere", "2026-11-21T20:00:00Z", volumes=[{"name": "other"}]),
    instance("east of here", "2026-11-22T02:12:59+01:00"),
    instance("nobody knows when", "soon"),
]


def test_those_that_ran_before_the_repair_with_the_models_repaired_since():
    found = to_restart(FLEET, AT, MODELS, "ollama_models")
    assert {one["name"]: one["models"] for one in found} == {
        "old": ["a:1", "b:1"],
        "between": ["a:1"],
        "looping": ["a:1"],
        "east of here": ["a:1"],
        "nobody knows when": ["a:1", "b:1"],
    }


def test_a_store_that_never_was_repaired_restarts_nobody():
    assert to_restart(FLEET[:7], 0, []) == []


def test_every_volume_where_none_is_named():
    assert "elsewhere" in [one["name"] for one in to_restart(FLEET, AT, MODELS)]


@pytest.mark.parametrize("bad", [("soon", []), (1.0, [{"name": "x"}]), (1.0, 7)])
def test_bad_input_is_a_filter_error(bad):
    with pytest.raises(AnsibleFilterError, match=r"corral\.ollama\.to_restart: "):
        to_restart(FLEET, *bad)
