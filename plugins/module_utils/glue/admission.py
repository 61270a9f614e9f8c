# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``admission``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import CorralError
from .run import Work


def prepare_admission(params: Mapping[str, Any]) -> Work:
    raise CorralError("Not yet.", **params)
