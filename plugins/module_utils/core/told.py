# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report says about something, where it may say nothing, or nonsense: then there is nothing of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def mapping(told: Any, key: str) -> Mapping[str, Any]:
    """What is told under ``key``, empty unless it is a mapping."""
    value = _get(told, key)
    return value if isinstance(value, Mapping) else {}


def mappings(told: Any, key: str) -> list[Mapping[str, Any]]:
    """The mappings of the list that is told under ``key``."""
    return [one for one in _listed(told, key) if isinstance(one, Mapping)]


def texts(told: Any, key: str) -> list[str]:
    """The entries of the list that is told under ``key``, each as text."""
    return [str(one) for one in _listed(told, key)]


def _listed(told: Any, key: str) -> list[Any]:
    value = _get(told, key)
    return list(value) if isinstance(value, (list, tuple)) else []


def _get(told: Any, key: str) -> Any:
    return told.get(key) if isinstance(told, Mapping) else None
