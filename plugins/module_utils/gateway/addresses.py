# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a server of the gateway is."""

from __future__ import annotations

import ipaddress

from ..core.gateway_stats import address_of, parse_state
from .errors import GatewayError

Address = tuple[str, int]


def checked(name: str, host: str, port: int) -> Address:
    """The address as HAProxy writes it; raises ``bad_address``."""
    try:
        address = str(ipaddress.ip_address(host))
    except ValueError as error:
        raise GatewayError(f"{host!r} is no IP address for {name!r}.", kind="bad_address") from error
    if not 0 < int(port) < 65536:
        raise GatewayError(f"{port!r} is no port for {name!r}.", kind="bad_address")
    return address, int(port)


def elsewhere(state: str, name: str, wanted: Address) -> dict[str, Address]:
    """Where each backend has the server that has it anywhere else, from ``show servers state``."""
    found = parse_state(state).items()
    return {key[0]: address_of(words) for key, words in found if key[1] == name and address_of(words) != wanted}
