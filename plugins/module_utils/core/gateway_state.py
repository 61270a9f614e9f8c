# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy reads when it is loaded: server states and the configuration; and what it says when it refuses."""

from __future__ import annotations

from collections.abc import Mapping

from .gateway_stats import DRAINED, MAINTENANCE, SRV_ADDR, SRV_ADMIN_STATE, SRV_OP_STATE, SRV_PORT, parse_state

_RUNNING = "2"


def state_text(reply: str, configured: Mapping[tuple[str, str], tuple[str, int]], healthy: bool = False) -> str:
    """The file for ``load-server-state-from-file`` out of ``show servers state``.

    A port in this file wins over the configuration's: a server that moved would be asked at its old port for ever.
    So addresses are those of the configuration that will be loaded with it, and only who is drained, in maintenance
    or down is in it. ``healthy`` adds the others, for a reload in this moment: without, they start as half proven.
    """
    head = [line for line in reply.splitlines()[:2] if line == "1" or line.startswith("#")]
    kept = []
    for key, words in parse_state(reply).items():
        ordered = int(words[SRV_ADMIN_STATE]) & (DRAINED | MAINTENANCE)
        down = words[SRV_OP_STATE] != _RUNNING
        if ordered or (words[SRV_ADMIN_STATE] == "0" and (down or (healthy and key in configured))):
            fields = list(words)
            if key in configured:
                fields[SRV_ADDR], fields[SRV_PORT] = configured[key][0], str(configured[key][1])
            kept.append(" ".join(fields))
    return "\n".join([*head, *kept]) + "\n"


def configured_servers(text: str) -> dict[tuple[str, str], tuple[str, int]]:
    """Host and port by backend and server, of a configuration file; lines that it cannot read are left out."""
    found, section = {}, ""
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if not line[0].isspace():
            section = words[1] if words[0] in ("backend", "listen") and len(words) > 1 else ""
        elif section and words[0] == "server" and len(words) > 2:
            host, _colon, port = words[2].rpartition(":")
            if host and port.isdigit() and 0 < int(port) < 65536:
                found[(section, words[1])] = (host.strip("[]"), int(port))
    return found


def alerts(log: str) -> str:
    """The alerts of a refused load, for a message of one line."""
    lines = [line.partition(" : ")[2] or line for line in log.splitlines() if line.startswith("[ALERT]")]
    return "; ".join(lines[:4] or [log.strip()[-300:]]).rstrip(".")
