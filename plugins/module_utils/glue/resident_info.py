# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``resident_info``: what all servers have in memory, and what is declared and not there. Loads nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ..core.errors import CorralError
from ..core.libraries import require
from ..core.probe_plan import Server, servers_from
from ..core.resident_findings import Seen, expiry, findings, runners
from ..core.resident_memory import of_instance
from ..core.residents import residents
from ..core.wishes import wishes
from ..server.client import OllamaClient
from .at_once import each
from .resident_file import ResidentFile
from .run import Work


def prepare_resident_info(params: Mapping[str, Any]) -> Work:
    """Everything is read, nothing is changed."""
    require("requests")
    wanted = wishes(params["residents"])
    servers = servers_from(params["servers"])
    started = {str(entry.get("name")): str(entry.get("started_at") or "") for entry in params["servers"]}
    file = ResidentFile(params["memory_path"] or "")
    memory = file.read()
    timeout = params["timeout"]
    now = time.time()
    seen = each(servers, lambda one: _see(one, timeout, started.get(one.name, ""), now), params["concurrency"])
    found = []
    for one in seen:
        ours = [wish for wish in wanted if wish.of(one.server.name)]
        found += findings(one, ours, of_instance(memory, one.server.name), now)
    return Work(
        result={
            "servers": [
                {
                    "name": one.server.name,
                    "url": one.server.url,
                    "reachable": not one.problem,
                    "problem": one.problem,
                    "residents": runners(one),
                }
                for one in seen
            ],
            "residents": {one.server.name: runners(one) for one in seen if not one.problem},
            "findings": found,
            "warnings": file.warnings,
        }
    )


def _see(server: Server, timeout: float, started_at: str, now: float) -> Seen:
    try:
        entries = OllamaClient(server.url, timeout).ps()
    except CorralError as error:
        return Seen(server, problem=f"{server.name}: {error}", started_at=started_at)
    # one by one, as an entry without a valid name is left out
    pairs = [(one, entry) for entry in entries for one in residents([entry], now)]
    expires = tuple(expiry(one, str(entry.get("expires_at") or "")) for one, entry in pairs)
    return Seen(server, tuple(one for one, _entry in pairs), expires, started_at=started_at)
