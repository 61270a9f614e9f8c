# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Since when a log is looked at: a moment, a number of seconds, or the container's last start."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Optional

from .declared import BadInput
from .engine_time import engine_time

START = "start"
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)")
_REMEDY = "Give a number of seconds, a time such as 2026-11-21T22:00:00Z, or start."


def since_from(text: str, now: float) -> Optional[str]:
    """The moment as the engine writes it, None for the container's last start. Raises BadInput."""
    text = text.strip()
    if text == START:
        return None
    if re.fullmatch(r"\d{1,10}(\.\d+)?", text):
        return at(max(0.0, now - float(text)))
    stamp = fixed(text.replace(" ", "T", 1))
    if not stamp:
        raise BadInput(f"since is {text!a}, which is no time, or one without a zone.", remedy=_REMEDY)
    if engine_time(stamp) > now:
        raise BadInput(f"since is {text!a}, which is still to come ({at(now)} by this host's clock).", remedy=_REMEDY)
    return stamp


def at(when: float) -> str:
    """Seconds since 1970 in the engine's notation, always of the same length, so that text sorts as time."""
    return datetime.fromtimestamp(when, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def fixed(stamp: str) -> str:
    """Any RFC 3339 time in that notation, without losing its nanoseconds; empty for what is none."""
    found = _STAMP.fullmatch(stamp)
    if found is None:
        return ""
    whole, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(whole + zone.replace("Z", "+00:00")).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return ""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{(fraction or ''):0<9}Z" if moment.year >= 1970 else ""
