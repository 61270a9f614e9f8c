# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports say what they say; what they leave out, and nonsense, is nothing."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.module_utils.core.told import mapping, mappings, texts

NONSENSE = [None, "text", 7, True, ["a"], {}, {"key": None}, {"key": "text"}, {"key": 7}, {"other": {"a": 1}}]


@pytest.mark.parametrize("told", NONSENSE, ids=str)
def test_of_nonsense_there_is_nothing(told):
    assert mapping(told, "key") == {}
    assert mappings(told, "key") == texts(told, "key") == []


def test_what_is_told():
    assert mapping({"key": {"a": 1}}, "key") == {"a": 1}
    assert mappings({"key": [{"a": 1}, "text", None, {}]}, "key") == [{"a": 1}, {}]
    assert texts({"key": ["one", 2, None]}, "key") == ["one", "2", "None"]


def test_a_mapping_is_no_list_and_a_list_no_mapping():
    assert mapping({"key": [{"a": 1}]}, "key") == {}
    assert mappings({"key": {"a": 1}}, "key") == texts({"key": {"a": 1}}, "key") == []
