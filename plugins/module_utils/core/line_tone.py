# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How good the news of a line of the fleet's table is, by the signs in it: a colour tells nothing that they do not."""

from __future__ import annotations

from .cell_state import ANSWERED, SIGNS
from .fleet_said import MARKS
from .fleet_table import LEGEND
from .verify_finding import NOTE, WARNING

GOOD, BAD, OPEN, PLAIN = "good", "bad", "open", ""
_BAD, _GOOD, _OPEN = ({sign for sign, tone in SIGNS.values() if tone == wanted} for wanted in (BAD, GOOD, OPEN))


def tone_of(line: str) -> str:
    """One of the four above; what is worst in the line decides."""
    if line == LEGEND or line.startswith(f"{MARKS[NOTE]} "):
        return PLAIN
    signs = set(line)
    if signs & _BAD:
        return BAD
    # The sign of what nobody asked is a dot, which names have too: in a cell it follows that of the list.
    if line.startswith(f"{MARKS[WARNING]} ") or any(f"{SIGNS[ANSWERED][0]}{sign}" in line for sign in _OPEN):
        return OPEN
    return GOOD if signs & _GOOD else PLAIN
