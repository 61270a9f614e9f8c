# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter latest: what no digest pins follows the registry, and nothing else."""

from __future__ import annotations

import pytest
from ansible_collections.corral.ollama.plugins.filter.latest import FilterModule, latest_filter

PIN = "a" * 64


@pytest.mark.parametrize(
    ("entry", "becomes"),
    [
        ("mistral:7b", {"name": "mistral:7b", "state": "latest"}),
        ({"name": "mistral:7b", "insecure": True}, {"name": "mistral:7b", "insecure": True, "state": "latest"}),
        ({"name": "mistral:7b", "state": "present"}, {"name": "mistral:7b", "state": "latest"}),
        ({"name": "mistral:7b", "state": "latest"}, {"name": "mistral:7b", "state": "latest"}),
        ({"name": "mistral:7b", "digest": PIN}, {"name": "mistral:7b", "digest": PIN}),
        ({"name": "mistral:7b", "state": "absent"}, {"name": "mistral:7b", "state": "absent"}),
        ("bad name!", "bad name!"),
        (7, 7),
    ],
)
def test_one_entry(entry, becomes):
    assert latest_filter([entry]) == [becomes]
    assert FilterModule().filters() == {"latest": latest_filter}


def test_what_is_no_list_is_for_the_roles_contract():
    assert latest_filter("mistral:7b") == "mistral:7b"
