# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The failures of the gateway and of the way to it."""

from __future__ import annotations

from ..core.errors import CorralError

GONE, REFUSED, UNKNOWN = "gateway_gone", "gateway_refused", "gateway_server_unknown"


class GatewayError(CorralError):
    """HAProxy does not answer (``gateway_gone``), says no (``gateway_refused``), or has no such server."""

    kind = REFUSED
