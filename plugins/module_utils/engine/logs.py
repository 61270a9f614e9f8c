# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of a container."""

from __future__ import annotations

from typing import Any

_LIMIT = 256 * 1024


def tail(api: Any, container: str, lines: int) -> bytes:
    """The end of both streams, at most ``lines`` lines and 256 kB."""
    raw: bytes = api.logs(container, stdout=True, stderr=True, tail=max(1, lines), follow=False, stream=False)
    return raw[-_LIMIT:]
