# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances that have to restart after a repair."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core.restarts import to_restart

DOCUMENTATION = r"""
name: to_restart
short_description: The instances that ran while the store was damaged
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - An Ollama server remembers what it saw of a model. One that met missing weights refuses to generate with them until
    it restarts, also after they are back.
  - Takes RV(corral.ollama.instance_info#module:instances) and returns those that run since before the repair.
options:
  _input:
    description: The instances of the host.
    type: list
    elements: dict
    required: true
  repaired_at:
    description: RV(corral.ollama.store_repair#module:repaired_at).
    type: float
    required: true
  repaired_models:
    description: RV(corral.ollama.store_repair#module:repaired_models).
    type: list
    elements: dict
    default: []
  volume:
    description: Only the instances that mount this volume. All of them when empty.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Name the instances that have to restart
  ansible.builtin.debug:
    msg: "{{ corral_instances | corral.ollama.to_restart(1795311473.5) | map(attribute='name') }}"
  vars:
    corral_instances:
      - {name: ollama-server-1, state: running, started_at: "2026-11-22T01:13:00.123456789Z"}
"""

RETURN = r"""
_value:
  description: Those instances, in their order, each with C(models), the names of those that were repaired meanwhile.
  type: list
  elements: dict
"""


def to_restart_filter(
    instances: Iterable[Mapping[str, Any]],
    repaired_at: Any,
    repaired_models: Iterable[Mapping[str, Any]] = (),
    volume: str = "",
) -> list[dict[str, Any]]:
    try:
        return to_restart(instances, float(repaired_at), repaired_models, volume)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise AnsibleFilterError(f"corral.ollama.to_restart: {error}") from error


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"to_restart": to_restart_filter}
