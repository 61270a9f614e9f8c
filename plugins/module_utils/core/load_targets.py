# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the requests of a load test go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .declared import BadInput
from .gateway_settings import is_loopback
from .layout import reachable_host

GATEWAY, INSTANCES, URL = "gateway", "instances", "url"


def load_targets(
    target: str, url: str, instances: Iterable[Mapping[str, Any]], gateway: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Name and address of each. ``gateway`` has ``bind_address``, ``port`` and ``tls`` (auto, true or false)."""
    if bool(url) != (target == URL):
        remedy = f"Set load_test_target={URL} together with load_test_url, or neither."
        raise BadInput(f"load_test_target is {target!a} and load_test_url is {url[:80]!a}.", remedy=remedy)
    if target == URL:
        return [{"name": "url", "url": url}]
    if target == INSTANCES:
        return [{"name": str(one["name"]), "url": str(one["url"])} for one in instances]
    if target != GATEWAY:
        remedy = f"Use {GATEWAY}, {INSTANCES} or {URL}."
        raise BadInput(f"load_test_target is {target[:80]!a}.", remedy=remedy)
    address, tls = str(gateway["bind_address"]), gateway["tls"]
    secure = not is_loopback(address) if tls == "auto" else tls is True or str(tls).lower() == "true"
    return [{"name": GATEWAY, "url": f"{'https' if secure else 'http'}://{reachable_host(address)}:{gateway['port']}"}]
