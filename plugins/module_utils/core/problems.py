# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several things wrong at once: collected first, so that a person fixes them in one go, and raised as one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .errors import CorralError


@dataclass(frozen=True)
class Problem:
    """One thing that is not as it has to be; the fields are those of a ``CorralError``."""

    kind: str
    message: str
    remedy: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        return {**self.facts, "kind": self.kind, "message": self.message, "remedy": self.remedy}


def as_problem(error: CorralError) -> Problem:
    """An error that was caught, to be listed with others."""
    return Problem(error.kind, error.message, error.remedy, dict(error.facts))


def raise_all(problems: Sequence[Problem], where: str = "", **facts: Any) -> None:
    """Raise nothing, the one problem as itself, or all of them as one numbered error of the first one's kind."""
    if not problems:
        return
    listed = [problem.as_dict() for problem in problems]
    prefix = f"{where}: " if where else ""
    first = problems[0]
    if len(problems) == 1:
        facts = {**first.facts, **facts, "problems": listed}
        raise CorralError(prefix + first.message, kind=first.kind, remedy=first.remedy, **facts)
    lines = [f"({number}) {problem}" for number, problem in enumerate(problems, 1)]
    text = f"{prefix}{len(problems)} things are in the way. " + " ".join(lines)
    facts = {**facts, "problems": listed, "kinds": [problem.kind for problem in problems]}
    raise CorralError(text, kind=first.kind, **facts)
