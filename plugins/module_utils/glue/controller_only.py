# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules whose work an action plugin does on the controller: on a host there is nothing for them to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.errors import CorralError
from .run import Work


def controller_only(name: str) -> Callable[[Mapping[str, Any]], Work]:
    """The ``prepare`` of such a module, which was sent to a host: it says so, and how to call it."""

    def prepare(_params: Mapping[str, Any]) -> Work:
        raise CorralError(
            f"{name} works on the controller, and was sent to a host instead of being run by its action plugin.",
            kind="no_action_plugin",
            remedy=f"Call it by its full name, corral.ollama.{name}.",
        )

    return prepare
