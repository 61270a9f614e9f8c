# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permissions as users write them."""

from __future__ import annotations

from ..core.declared import BadInput


def octal_mode(option: str, text: str | None) -> int | None:
    """``None`` where nothing is asked for; ``option`` is named in the error."""
    if not text:
        return None
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o7777:
        raise BadInput(f"{option} is {text!a}, not an octal mode.", remedy="Write it as a string such as '0644'.")
    return mode
