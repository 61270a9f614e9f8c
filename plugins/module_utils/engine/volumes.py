# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's volumes."""

from __future__ import annotations

from typing import Any

from ..core.libraries import require


def place(api: Any, name: str) -> tuple[str, str] | None:
    """Where the volume lies on the host, and what its options let the engine mount there; None without the volume."""
    try:
        volume = api.inspect_volume(name)
    except require("docker").errors.NotFound:
        return None
    options = volume.get("Options") or {}
    source = options.get("device", "") if volume.get("Driver", "local") == "local" else f"driver {volume['Driver']}"
    return str(volume["Mountpoint"]), str(source)
