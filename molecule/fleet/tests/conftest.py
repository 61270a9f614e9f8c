# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Only what looks into each host takes `host`, and is run for each; the story is about the fleet, and told once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fleet import ENGINES, PREFIX, Fleet
from lab import Lab


@pytest.fixture(autouse=True)
def in_order() -> None:
    """In place of the one that every scenario has, which takes `host`."""


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    hosts = {name: Lab(f"{PREFIX}{name}") for name in ENGINES}
    yield Fleet(hosts)
    for lab in hosts.values():
        lab.end_orphans()
