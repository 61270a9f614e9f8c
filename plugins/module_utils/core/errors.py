# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error family: below ``main`` everything raises it, and only the glue turns it into ``fail_json``."""

from __future__ import annotations

from typing import Any


class CorralError(Exception):
    """A failure that speaks: what was found, what was expected, what to run next.

    ``kind`` is a stable identifier that playbooks may branch on; ``facts`` are JSON-able details
    (host, instance, model, digest, … where they apply).
    """

    kind = "error"

    def __init__(self, message: str, *, kind: str = "", remedy: str = "", **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind or type(self).kind
        self.remedy = remedy
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """The error as a module returns it under ``error``."""
        return {**self.facts, "kind": self.kind, "message": self.message, "remedy": self.remedy}
