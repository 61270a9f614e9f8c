# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instances of a host for templates and loops, from the same pure function that the modules use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core.errors import CorralError
from ..module_utils.core.gpu_sets import AUTO
from ..module_utils.core.layout import Layout, instances

DOCUMENTATION = r"""
name: instances
short_description: The Ollama instances of a host as a list
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Works out name, port, address, data volume, container and GPUs of every instance of a host.
  - It is pure, so templates, loops and checks always agree about the fleet.
options:
  _input:
    description: The name of the Compose project, usually C(corral_project).
    type: str
    required: true
  count:
    description: How many instances the host runs, 1 to 128.
    type: int
    default: 8
  base_port:
    description: The host port of the first instance; the others follow it.
    type: int
    default: 11434
  bind_address:
    description: The IP address of the host on which the ports are published.
    type: str
    default: 127.0.0.1
  gpus:
    description:
      - C([]) or C("none") for none, C("all") for all of them in every instance, or a list that is dealt out in turn.
      - An entry of the list is one device (an index, a C(GPU-…) or C(MIG-…) identifier, or a render node such as
        C(renderD128)), a list of devices, C("all") or C("none").
      - C("auto") is what O(host) says.
    type: raw
    default: []
  host:
    description:
      - What C(auto) means on this host, as the role P(corral.ollama.gpus#role) works it out, with C(count) in place of
        O(count), and C(gpus) in place of C("auto").
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show where the instances answer
  ansible.builtin.debug:
    msg: "{{ 'ollama' | corral.ollama.instances(count=8) | map(attribute='url') }}"

- name: Two GPUs in each of two instances
  ansible.builtin.debug:
    msg: "{{ 'ollama' | corral.ollama.instances(count=2, gpus=[[0, 1], [2, 3]]) | map(attribute='gpus') }}"
"""

RETURN = r"""
_value:
  description:
    - One dictionary per instance, in order of O(_input)'s instances 1 to O(count).
    - Keys are C(name) (the Compose service), C(index), C(port), C(url), C(data_volume), C(container) and
      C(gpus) (a list of strings, C(["all"]) for all).
  type: list
  elements: dict
"""


def instances_filter(
    project: str,
    count: Any = 8,
    base_port: Any = 11434,
    bind_address: str = "127.0.0.1",
    gpus: Any = (),
    host: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    try:
        if host:
            count, gpus = host["count"], host["gpus"] if gpus == AUTO else gpus
        layout = Layout(str(project), int(count), int(base_port), str(bind_address), gpus)
        return [instance.as_dict() for instance in instances(layout)]
    except (CorralError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"corral.ollama.instances: {error}") from error


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"instances": instances_filter}
