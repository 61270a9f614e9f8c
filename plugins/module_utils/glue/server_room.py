# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much each instance of a host can keep in memory, from its container as it runs."""

from __future__ import annotations

import os

from ..core.errors import CorralError
from ..core.memory_room import Room, room_of
from ..engine.client import connect, speaking
from ..engine.limits import limits


def rooms(project: str, timeout: float = 60.0) -> tuple[dict[str, Room], str]:
    """(by instance, why nothing is known). Without it nothing is predicted, and only looked at afterwards."""
    if not project:
        return {}, ""
    try:
        api = connect(timeout)
        with speaking():
            found = limits(api, project)
    except CorralError as error:
        return {}, f"How much the instances can keep in memory is not known: {error}"
    host = host_memory()
    return {one.name: room_of(one.environment, one.gpus, one.devices, one.memory, host) for one in found}, ""


def host_memory() -> int:
    """The bytes that the machine has, 0 where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 0
