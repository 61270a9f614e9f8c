# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever begins at the list of guides finds each of them."""

from __future__ import annotations

import re

from ansible_collections.corral.ollama.tests.contract import house

GUIDES = house.ROOT / "docs" / "guides"


def test_the_list_names_every_guide_once():
    listed = re.findall(r"\]\((\w+\.md)\)", house.text(GUIDES / "README.md"))
    assert sorted(listed) == sorted(path.name for path in GUIDES.glob("*.md") if path.name != "README.md")
