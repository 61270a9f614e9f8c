#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container really sees its GPUs."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_check
short_description: Prove that a container of the fleet's image sees the GPUs that its instances get, and remember them
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Starts one container in the way in which Compose will, with the GPUs of all instances, has it list them
    (C(nvidia-smi -L), or opening AMD's device files), and removes it. It has no network, no mount and no capabilities.
  - Fails with what the engine or the tool said when a GPU is not seen there. An instance would run on its processor.
  - Remembers under which circumstances this was proven (image, driver, runtime, GPUs), and proves it again when one of
    them changes; and which GPUs the host has, so that a loss can be found later.
  - An image that is not on the host is no failure, nothing is proven then.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.options.project
  - corral.ollama.options.engine
attributes:
  check_mode:
    support: full
    details:
      - In check mode no container is started, so that a GPU which cannot be seen is not found.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  image:
    description: The image of the instances.
    type: str
    required: true
  gpus:
    description: The GPUs of all instances together, as C(gpus) of P(corral.ollama.instances#filter).
    type: list
    elements: str
    default: []
  vendor:
    description: Whose GPUs they are.
    type: str
    choices: [nvidia, amd]
    default: nvidia
  runtime:
    description: How containers get them, as for P(corral.ollama.gpu_service#filter).
    type: str
    choices: [auto, cdi, nvidia, devices]
    default: auto
  host_gpus:
    description: RV(corral.ollama.gpu_info#module:gpus) of the host. They are remembered.
    type: list
    elements: dict
    default: []
  driver:
    description: RV(corral.ollama.gpu_info#module:driver) of the host.
    type: str
    default: ''
  memory_path:
    description: The file in which this is remembered.
    type: path
    required: true
  timeout:
    description: Seconds that the container gets.
    type: float
    default: 60.0
requirements:
  - The Python library C(docker) on the target.
seealso:
  - module: corral.ollama.gpu_info
"""

EXAMPLES = r"""
- name: See which GPUs this host has
  corral.ollama.gpu_info:
  register: corral_found

- name: A container sees both of them
  corral.ollama.gpu_check:
    image: ollama/ollama:0.32.15
    gpus: ["0", "1"]
    host_gpus: "{{ corral_found.gpus }}"
    driver: "{{ corral_found.driver }}"
    memory_path: /var/lib/corral/ollama/gpus.json
"""

RETURN = r"""
gpus:
  description: The GPUs that the container was given, V(["all"]) for all.
  returned: success
  type: list
  elements: str
image_present:
  description: Whether the image is on the host. Without it nothing is proven.
  returned: success
  type: bool
error:
  description: What was not seen. C(kind) is V(gpu_not_seen), C(lacking) has the GPUs, C(said) what was printed.
  returned: failure
  type: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.gpu_sets import RUNTIMES, VENDORS
from ..module_utils.glue.gpu_check import prepare_gpu_check
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ENGINE, PROJECT, merged

SPEC = merged(
    PROJECT,
    ENGINE,
    {
        "image": {"type": "str", "required": True},
        "gpus": {"type": "list", "elements": "str", "default": []},
        "vendor": {"type": "str", "choices": list(VENDORS), "default": "nvidia"},
        "runtime": {"type": "str", "choices": list(RUNTIMES), "default": "auto"},
        "host_gpus": {"type": "list", "elements": "dict", "default": []},
        "driver": {"type": "str", "default": ""},
        "memory_path": {"type": "path", "required": True},
        "timeout": {"type": "float", "default": 60.0},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_gpu_check(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
