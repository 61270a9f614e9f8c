# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's volumes."""

from __future__ import annotations

from typing import Any

from ..core.libraries import require


def mountpoint(api: Any, name: str) -> str | None:
    """Where the volume lies on the host; None when there is no such volume."""
    try:
        return str(api.inspect_volume(name)["Mountpoint"])
    except require("docker").errors.NotFound:
        return None
