# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Compose is told which GPUs a service gets, for the template of the project."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core import gpu_sets
from ..module_utils.core.errors import CorralError

DOCUMENTATION = r"""
name: gpu_service
short_description: The part of a Compose service that gives it its GPUs
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - NVIDIA's GPUs are given by a reservation of the driver C(nvidia), which is its container runtime, or by CDI. AMD's
    are given by their device files, or by CDI.
options:
  _input:
    description: The GPUs of one instance, as P(corral.ollama.instances#filter) has them.
    type: list
    elements: str
    required: true
  vendor:
    description: Whose GPUs they are, V(nvidia) or V(amd).
    type: str
    default: nvidia
  runtime:
    description:
      - V(nvidia) is NVIDIA's container runtime, V(devices) are AMD's device files, V(cdi) is the Container Device
        Interface (Docker 25 or later).
      - V(auto) is V(nvidia) for NVIDIA and V(devices) for AMD.
    type: str
    default: auto
"""

EXAMPLES = r"""
- name: Show how the second GPU is given to a service by CDI
  ansible.builtin.debug:
    msg: "{{ ['1'] | corral.ollama.gpu_service('nvidia', 'cdi') }}"
"""

RETURN = r"""
_value:
  description: C(deploy) or C(devices) as a service of Compose has it; empty without GPUs.
  type: dict
"""


def gpu_service_filter(gpus: Any, vendor: Any = "nvidia", runtime: Any = "auto") -> dict[str, Any]:
    try:
        return gpu_sets.gpu_service([str(name) for name in gpus], str(vendor), str(runtime))
    except CorralError as error:
        raise AnsibleFilterError(f"corral.ollama.gpu_service: {error}") from None


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"gpu_service": gpu_service_filter}
