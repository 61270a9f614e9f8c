# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway of the test host as the tests reach it, and the role that changes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, Run

sys.path.insert(0, str(Path(__file__).parent))

from wire import Gateway

DIR = "/opt/corral/ollama/gateway"
ROLE = str(Path(__file__).parents[1] / "role.yml")
Change = Callable[..., Run]


@pytest.fixture(scope="session")
def ca(lab: Lab) -> Path:
    """The certificates that clients trust: the generated one, and whatever a test adds."""
    path = lab.ephemeral / "trusted.pem"
    path.write_text(lab.sh(f"cat {DIR}/conf/tls/*.pem"))
    return path


@pytest.fixture(scope="session")
def gateway(lab: Lab, ca: Path) -> Gateway:
    return Gateway(lab.address, 11433, str(ca))


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """What the tests have changed of the inventory so far."""
    return {}


@pytest.fixture(scope="session")
def change(lab: Lab, settings: dict[str, Any]) -> Change:
    """Run the role with another inventory; not by --extra-vars, which everybody on the controller could read."""

    def run(keep: bool = True, **variables: Any) -> Run:
        inventory = lab.ephemeral / "changed.json"
        host = {**settings, **variables}
        inventory.write_text(json.dumps({"ollama_hosts": {"hosts": {lab.container: host}}}))
        if keep:
            settings.update(variables)
        return lab.run(ROLE, _inventory=[inventory])

    return run


@pytest.fixture
def worker(lab: Lab) -> Callable[[], tuple[str, int, str]]:
    """Which container, which worker, which configuration."""

    def look() -> tuple[str, int, str]:
        info = lab.module("gateway_info", run_dir=f"{DIR}/run")["gateway"]
        return lab.inspect("ollama-gateway")["State"]["StartedAt"], info["pid"], info["config_id"]

    return look
