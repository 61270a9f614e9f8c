#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which GPUs a host has, and which it had."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: The GPUs of a host, how much memory they have, and which of those that were there are missing
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Asks C(nvidia-smi) for NVIDIA's GPUs and the parts that MIG made of them, or reads the files of the kernel for those
    of AMD. It changes nothing and uses no GPU.
  - A host without a driver is no failure, RV(problem) says so.
  - Holds them against what M(corral.ollama.gpu_check) remembered. A GPU that fails disappears from what a host lists,
    and the ones behind it get other numbers.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
options:
  vendor:
    description: Whose GPUs are looked for.
    type: str
    choices: [nvidia, amd]
    default: nvidia
  memory_path:
    description: The file in which M(corral.ollama.gpu_check) remembers the GPUs of the host.
    type: path
  count:
    description: How many instances C(corral_gpus=auto) is for. V(0) is one for each GPU.
    type: int
    default: 0
  keep:
    description:
      - Whether what M(corral.ollama.gpu_check) remembered counts for RV(auto), where it remembered something. So a
        fleet that was deployed does not shrink with a GPU that fails.
    type: bool
    default: false
  named:
    description: GPUs that somebody declared. Those that the host does not have are returned in RV(unknown).
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that one tool of the vendor gets to answer. A GPU that hangs makes it hang.
    type: float
    default: 30.0
seealso:
  - module: corral.ollama.gpu_check
"""

EXAMPLES = r"""
- name: See which GPUs this host has
  corral.ollama.gpu_info:
    memory_path: /var/lib/corral/ollama/gpus.json
  register: corral_found

- name: Say what is missing
  ansible.builtin.debug:
    msg: "{{ corral_found.missing | map(attribute='id') | list }}"
"""

RETURN = r"""
gpus:
  description: What can be given to containers, in the order of the vendor's tool. A GPU that MIG divides is its parts.
  returned: success
  type: list
  elements: dict
  contains:
    id: {description: By what it is pinned., type: str, sample: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77}
    index: {description: "How the vendor's tool counts it; C(0:1) for a part.", type: str, sample: "0"}
    uuid: {description: Its UUID., type: str}
    name: {description: What it is., type: str, sample: NVIDIA H100 80GB HBM3}
    memory: {description: "The bytes of its memory, 0 when they are not known.", type: int, sample: 85520809984}
    node: {description: "The render node of a GPU of AMD.", type: str, sample: renderD128}
    part: {description: "The MIG profile of a part.", type: str, sample: 3g.20gb}
    parent: {description: "The UUID of the GPU of which it is a part.", type: str}
driver:
  description: The version of the driver.
  returned: success
  type: str
  sample: 550.90.12
cdi:
  description: The devices that NVIDIA's toolkit describes by CDI.
  returned: success
  type: list
  elements: str
problem:
  description: Why nobody can say which GPUs there are, empty when somebody could.
  returned: success
  type: str
auto:
  description:
    - What C(corral_gpus=auto) means on this host. C(count) is the number of instances, C(gpus) what they get, to be
      dealt out in turn.
  returned: success
  type: dict
  sample: {count: 2, gpus: [[GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77], [GPU-838f60d9-651f-9166-ea42-f9da674a6947]]}
unknown:
  description: Those of O(named) that the host does not have; empty where nobody can say which GPUs there are.
  returned: success
  type: list
  elements: str
remembered:
  description: The GPUs that were there when the fleet was deployed last, in the form of RV(gpus).
  returned: success
  type: list
  elements: dict
missing:
  description: Those of RV(remembered) that are not among RV(gpus).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.gpu_memory import unknown_ids
from ..module_utils.core.gpu_sets import VENDORS
from ..module_utils.core.gpus import dealt
from ..module_utils.glue.gpu_facts import gpus_of_host
from ..module_utils.glue.gpu_memory_file import GpuMemoryFile
from ..module_utils.glue.run import Work, run

SPEC = {
    "vendor": {"type": "str", "choices": list(VENDORS), "default": "nvidia"},
    "memory_path": {"type": "path"},
    "count": {"type": "int", "default": 0},
    "keep": {"type": "bool", "default": False},
    "named": {"type": "list", "elements": "str", "default": []},
    "timeout": {"type": "float", "default": 30.0},
}


def prepare(params: Mapping[str, Any]) -> Work:
    file = GpuMemoryFile(params["memory_path"] or "")
    memory, host = file.read(), gpus_of_host(params["vendor"], params["timeout"])
    meant = (memory.gpus if params["keep"] else ()) or host.gpus
    count = params["count"] or len(meant)
    auto = {"count": count, "gpus": dealt(meant, count)}
    unknown = [] if host.problem else list(unknown_ids(params["named"], host.gpus))
    told = {"remembered": memory.gpus, "missing": memory.missing(host.gpus)}
    rows = {key: [one.as_dict() for one in found] for key, found in told.items()}
    return Work(result={**host.as_dict(), **rows, "auto": auto, "unknown": unknown, "warnings": file.warnings})


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
