# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the guide to event-driven repair has Alertmanager set up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/eda.md"


def settings(port: int, token: str) -> dict[str, Any]:
    """The guide's variables of the role monitoring, for a listener on this port of loopback."""
    text = GUIDE.read_text(encoding="utf-8").replace("{{ vault_eda_token }}", token)
    (block,) = [found for found in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "monitoring_receivers" in found]
    told: dict[str, Any] = yaml.safe_load(block.replace("127.0.0.1:5001", f"127.0.0.1:{port}"))
    # Who was told before is not asked to listen here.
    told["monitoring_receivers"][0].pop("webhook_configs")
    return told
