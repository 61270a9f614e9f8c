# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that a verification has to say besides the answers of the models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

PROBLEM, WARNING, NOTE = "problem", "warning", "note"
SEVERITIES = (PROBLEM, WARNING, NOTE)
"""A problem fails the verification. A warning is worth a look. A note is for whoever wonders."""

CHECKS = (
    *("restarts", "oom", "version_skew", "image_skew", "environment", "gpu", "lease", "store", "logs", "drift"),
    *("resident", "evicted", "asking"),
)
MAX_MESSAGE = 2000


@dataclass(frozen=True)
class VerifyFinding:
    """``message`` is a whole sentence that names things and says what helps. ``instance`` and ``model`` are empty where
    it is about the whole host."""

    check: str
    severity: str
    message: str
    instance: str = ""
    model: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def finding_from(row: Any) -> VerifyFinding | None:
    """From what a module returned; None for what is no finding, such as one of a check that nobody knows."""
    if not isinstance(row, Mapping):
        return None
    check, severity, message = (str(row.get(key) or "") for key in ("check", "severity", "message"))
    if check not in CHECKS or severity not in SEVERITIES or not message:
        return None
    return VerifyFinding(
        check, severity, message[:MAX_MESSAGE], str(row.get("instance") or ""), str(row.get("model") or "")
    )
