# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as the Docker engine and Ollama write them."""

from __future__ import annotations

import re
from datetime import datetime

_ENGINE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def engine_time(text: str) -> float:
    """A moment as the engine writes it, in seconds since 1970; 0 for what is none: then it counts as long ago."""
    found = _ENGINE_TIME.fullmatch(text)
    if found is None:
        return 0.0
    zone = "+00:00" if found[3] == "Z" else found[3]
    try:
        return datetime.fromisoformat(found[1] + zone).timestamp() + float(f"0{found[2] or '.0'}")
    except (ValueError, OverflowError):
        return 0.0
