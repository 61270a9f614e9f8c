# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One desk for all documents, and two machines; nothing is run for each of them."""

from __future__ import annotations

import pytest
from desk import Desk
from lab import Lab


@pytest.fixture(autouse=True)
def in_order() -> None:
    """In place of the one that every scenario has, which takes `host`."""


@pytest.fixture(scope="session")
def desk() -> Desk:
    hosts = {name: Lab(f"corral-molecule-documents-{name}") for name in ("gpu1", "gpu3")}
    made = Desk(hosts["gpu1"].ephemeral / "desk", hosts)
    made.lay()
    return made
