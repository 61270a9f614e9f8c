# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failures of the Ollama server and of its pulls."""

from __future__ import annotations

from typing import Any

from ..core.errors import CorralError
from ..server.causes import cause_of


class ServerError(CorralError):
    """The Ollama server answered with an error, or not at all. ``status`` is the HTTP status, 0 without an answer."""

    kind = "server_error"

    def __init__(self, message: str, *, status: int = 0, **facts: Any) -> None:
        super().__init__(message, status=status, **facts)
        self.status = status


class PullError(CorralError):
    """A pull failed. ``transient`` says whether the same pull may succeed later."""

    kind = "registry_error"

    def __init__(self, message: str, *, transient: bool = False, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.transient = transient


def pull_error(text: str, model: str, url: str, status: int = 200) -> PullError:
    """The PullError for an error line (HTTP status 200) or an error answer."""
    cause = cause_of(text)
    return PullError(
        f"Pulling {model} on {url} failed: {cause.meaning} ({text.strip() or 'no text'}).",
        kind=cause.kind,
        remedy=cause.remedy,
        transient=cause.transient,
        model=model,
        url=url,
        reason=cause.reason,
        text=text,
        status=status,
    )
