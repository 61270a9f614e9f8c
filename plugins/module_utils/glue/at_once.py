# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same work on many things at the same time: eight instances cost one task, not eight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def each(items: Sequence[Item], work: Callable[[Item], Answer], at_once: int = 16) -> list[Answer]:
    """``work`` on all of them, at most ``at_once`` at a time, the answers in their order; raises what one raised."""
    if not items:
        return []
    with ThreadPoolExecutor(max(1, min(at_once, len(items)))) as pool:
        return list(pool.map(work, items))
