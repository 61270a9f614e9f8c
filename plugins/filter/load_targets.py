# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the requests of a load test go, for the role load_test."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core.errors import CorralError
from ..module_utils.core.load_targets import load_targets

DOCUMENTATION = r"""
name: load_targets
short_description: Where the requests of a load test go
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Gives the targets of M(corral.ollama.load_test), which are the gateway, each instance, or an address of one's own.
  - The gateway is asked where it can be reached on its host, by C(https) where it has TLS.
options:
  _input:
    description: V(gateway), V(instances) or V(url).
    type: str
    required: true
  instances:
    description: The instances, as P(corral.ollama.instances#filter) gives them.
    type: list
    elements: dict
    default: []
  url:
    description: The address with V(url), empty otherwise.
    type: str
    default: ''
  bind_address:
    description: Where the gateway listens.
    type: str
    default: 127.0.0.1
  port:
    description: The port of the gateway.
    type: int
    default: 11433
  tls:
    description: Whether the gateway has TLS, V(auto) for on, but for loopback.
    type: raw
    default: auto
"""

EXAMPLES = r"""
- name: Show where a load test of all instances would go
  ansible.builtin.debug:
    msg: "{{ 'instances' | corral.ollama.load_targets('ollama' | corral.ollama.instances(count=2)) }}"
"""

RETURN = r"""
_value:
  description: The targets, each with C(name) and C(url).
  type: list
  elements: dict
"""


def load_targets_filter(
    target: str,
    instances: Any = (),
    url: str = "",
    bind_address: str = "127.0.0.1",
    port: Any = 11433,
    tls: Any = "auto",
) -> list[dict[str, str]]:
    try:
        gateway = {"bind_address": str(bind_address), "port": int(port), "tls": tls}
        return load_targets(str(target), str(url), instances, gateway)
    except (CorralError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"corral.ollama.load_targets: {error}") from error


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"load_targets": load_targets_filter}
