# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes and seconds in words. Decimal units, as Ollama and the registries count."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def scaled_bytes(count: float) -> tuple[str, str]:
    """``count`` as (number, unit): ``("204.9", "MB")``."""
    value = float(count)
    unit = 0
    # 999.95 would print as 1000.0
    while abs(value) >= 999.95 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return (f"{value:.0f}" if unit == 0 else f"{value:.1f}"), _UNITS[unit]


def human_bytes(count: float) -> str:
    """``204.9 MB``."""
    return " ".join(scaled_bytes(count))


def human_pair(part: float, whole: float) -> str:
    """``88.1 of 204.9 MB``, the unit only once where both have it."""
    part_value, part_unit = scaled_bytes(part)
    whole_value, whole_unit = scaled_bytes(whole)
    if part_unit == whole_unit:
        return f"{part_value} of {whole_value} {whole_unit}"
    return f"{part_value} {part_unit} of {whole_value} {whole_unit}"


def human_seconds(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``2 min 5 s``, ``3 h 20 min``."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
