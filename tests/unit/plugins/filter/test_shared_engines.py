# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two inventory hosts that are the same engine."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.corral.ollama.plugins.filter.shared_engines import FilterModule

shared_engines = FilterModule().filters()["shared_engines"]


@pytest.mark.parametrize(
    ("keys", "shared"),
    [
        ({}, []),
        ({"a": "1/x", "b": "2/x", "c": "1/y"}, []),
        ({"b": "1/x", "a": "1/x", "c": "2/x"}, [["a", "b"]]),
        ({"new1": "", "new2": ""}, []),
    ],
)
def test_groups(keys, shared):
    assert shared_engines(keys) == shared


def test_anything_else_is_refused():
    with pytest.raises(AnsibleFilterError, match="dictionary of host name to key"):
        shared_engines(["a", "b"])
