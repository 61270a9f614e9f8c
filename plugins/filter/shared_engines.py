# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory hosts that are one and the same Docker engine, found on the controller before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: shared_engines
short_description: Groups of inventory hosts that are the same Docker engine
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Two names of one machine in an inventory would make two runs fight over its store and its ports.
  - Takes each host's RV(corral.ollama.preflight#module:same_engine_key) and returns the groups of hosts that share one.
options:
  _input:
    description: A dictionary of host name to key. Empty keys (the engine is not there yet) are left out.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Each inventory host has to be an engine of its own
  ansible.builtin.assert:
    that: corral_shared == []
    fail_msg: >-
      {{ corral_shared | map('join', ' and ') | join('; ') }} are the same Docker engine. Keep one of the names.
  vars:
    corral_shared: "{{ {'gpu1': 'b1/e1', 'gpu2': 'b2/e2', 'gpu2-old-name': 'b2/e2'} | corral.ollama.shared_engines }}"
"""

RETURN = r"""
_value:
  description: One sorted list of host names per engine that has more than one.
  type: list
  elements: list
"""


def shared_engines(keys: Mapping[str, str]) -> list[list[str]]:
    if not isinstance(keys, Mapping):
        raise AnsibleFilterError("corral.ollama.shared_engines: the input is a dictionary of host name to key")
    groups: dict[str, list[str]] = {}
    for host, key in keys.items():
        if key:
            groups.setdefault(key, []).append(host)
    return sorted(sorted(hosts) for hosts in groups.values() if len(hosts) > 1)


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"shared_engines": shared_engines}
