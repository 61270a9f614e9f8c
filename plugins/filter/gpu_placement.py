# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the declared models fit the declared GPUs, for the role preflight."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ..module_utils.core.errors import CorralError
from ..module_utils.core.gpu_room import placement_problems, places, sizes_of
from ..module_utils.core.gpus import from_dict
from ..module_utils.core.wishes import wishes

DOCUMENTATION = r"""
name: gpu_placement
short_description: What of the declared models cannot fit the memory of the GPUs of a host
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Each declared model has to fit the GPUs of each instance, and all residents of instances that share GPUs have to fit
    these together. What counts is the size of the files.
  - What is not known (the memory of a GPU, the size of a model) is not judged.
options:
  _input:
    description: The instances as P(corral.ollama.instances#filter) returns them.
    type: list
    elements: dict
    required: true
  gpus:
    description: RV(corral.ollama.gpu_info#module:gpus) of the host.
    type: list
    elements: dict
    required: true
  models:
    description: RV(corral.ollama.store_info#module:models) of the declared models.
    type: list
    elements: dict
    required: true
  residents:
    description: The models that are to be resident, as for M(corral.ollama.resident_set).
    type: list
    elements: raw
    default: []
  headroom:
    description: The part of the memory that has to stay free for contexts and the runtime, 0 to less than 1.
    type: float
    default: 0.1
seealso:
  - module: corral.ollama.gpu_info
"""

EXAMPLES = r"""
- name: Does it fit?
  ansible.builtin.debug:
    msg: >-
      {{ 'ollama' | corral.ollama.instances(count=2, gpus=[0, 1])
         | corral.ollama.gpu_placement(corral_found.gpus, corral_store.models, ['mistral:7b', 'llama3.2:3b']) }}
"""

RETURN = r"""
_value:
  description: What does not fit, as sentences.
  type: list
  elements: str
"""


def gpu_placement_filter(instances: Any, gpus: Any, models: Any, residents: Any = (), headroom: Any = 0.1) -> list[str]:
    try:
        found = places(instances, [from_dict(row) for row in gpus])
        return placement_problems(found, sizes_of(models), wishes(residents), float(headroom))
    except (CorralError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"corral.ollama.gpu_placement: {error}") from None


class FilterModule:
    """The filters that Ansible finds in this file."""

    def filters(self) -> dict[str, Any]:
        return {"gpu_placement": gpu_placement_filter}
