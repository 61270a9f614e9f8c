# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model on an instance is, in one word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MISSING, OTHER, SILENT, ANSWERED, PROVEN, NOT_ASKED = (
    "missing",
    "other digest",
    "silent",
    "answered",
    "proven earlier",
    "not asked",
)
#: A sign and how good it is, by state: what is told by a colour is told by both as well.
SIGNS = {
    MISSING: ("✗", "bad"),
    OTHER: ("≠", "bad"),
    SILENT: ("✗", "bad"),
    ANSWERED: ("✓", "good"),
    PROVEN: ("○", "good"),
    NOT_ASKED: ("·", "open"),
}


def cell_state(model: Mapping[str, Any]) -> str:
    """One of the states above, of an entry in ``models`` of the fleet report."""
    if not model.get("listed"):
        return MISSING
    if model.get("expected") and model["expected"] != model.get("digest"):
        return OTHER
    return answer_state(model)


def answer_state(model: Mapping[str, Any]) -> str:
    """The same without looking at what is listed: whether it answered, now or when it was asked last."""
    if model.get("answered"):
        return PROVEN if model.get("from_proof") else ANSWERED
    return SILENT if model.get("asked") or model.get("failed_at") else NOT_ASKED
