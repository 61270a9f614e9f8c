# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The maps of a running gateway: exchanged as a whole, or as they were."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.errors import CorralError
from ansible_collections.corral.ollama.tests.unit.fake_haproxy import MAP_FOLDER

KEYS = f"{MAP_FOLDER}/keys.map"


def kind_of(call) -> str:
    with pytest.raises(CorralError) as error:
        call()
    return error.value.kind


def test_a_map_is_exchanged_as_a_whole(haproxy, runtime):
    haproxy.maps = {KEYS: {"aa": "old"}}
    maps = runtime.maps
    assert (maps.find("keys.map"), maps.find("admins.map")) == (KEYS, "")
    maps.replace(KEYS, {"bb": "new", "cc": "more"})
    assert maps.entries(KEYS) == [("bb", "new"), ("cc", "more")]
    done = [command.split(" ")[0] for command in haproxy.commands if not command.startswith("show")]
    assert done == ["prepare", "add", "add", "commit"]


@pytest.mark.parametrize("at", ["prepare", "add", "commit"])
def test_a_map_that_cannot_be_exchanged_stays(haproxy, runtime, at):
    haproxy.maps = {KEYS: {"aa": "old"}}
    haproxy.script = lambda command: "Unknown map identifier.\n\n" if command.startswith(at) else None
    assert kind_of(lambda: runtime.maps.replace(KEYS, {"bb": "new"})) == "gateway_refused"
    assert haproxy.maps == {KEYS: {"aa": "old"}}


def test_a_commit_that_does_nothing_is_seen(haproxy, runtime):
    haproxy.maps = {KEYS: {"aa": "old"}}
    haproxy.script = lambda command: "\n" if command.startswith("commit") else None
    assert kind_of(lambda: runtime.maps.replace(KEYS, {"bb": "new"})) == "gateway_refused"


@pytest.mark.parametrize("entry", [{"a b": "c"}, {"a": "b;c"}, {"a": "b\nc"}, {"": "b"}, {"a": "\\x"}])
def test_hostile_entries_never_reach_the_socket(haproxy, runtime, entry):
    haproxy.maps = {KEYS: {}}
    assert kind_of(lambda: runtime.maps.replace(KEYS, entry)) == "bad_entry"
    assert kind_of(lambda: runtime.maps.entries("/a b;c")) == "bad_entry"
    assert haproxy.commands == []
