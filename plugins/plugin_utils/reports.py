# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action plugins that put a report together on the controller have in common."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ..module_utils.core.columns import counted


def utc_now() -> str:
    """As reports have it, for example 2026-11-22T12:00:00Z."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(value: Any) -> Any:
    """Without the types by which Ansible marks where values came from."""
    return json.loads(json.dumps(value, default=str))


def failure_text(what: str, problems: Sequence[str]) -> str:
    """``what``, how many problems there are, and each with its number."""
    listed = " ".join(f"({number}) {text}" for number, text in enumerate(problems, 1))
    return f"{what}, {counted(len(problems), 'problem')}: {listed}"
