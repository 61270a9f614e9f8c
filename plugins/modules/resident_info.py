#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many servers have in memory."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resident_info
short_description: The models that many Ollama servers have in memory, and which declared ones are not there
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Asks many Ollama servers at the same time what they have in memory. Nothing is loaded, and no time is prolonged.
  - Says which of the models that are declared resident are not there; and of those that
    M(corral.ollama.resident_set) had loaded to stay, which were pushed out since, or lost with a restart.
  - A server that does not answer is part of the result and no failure of the module.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
options:
  servers:
    description:
      - The servers, each with C(name) and C(url). With C(started_at) a restart is told from a model that pushed out
        another.
      - Other keys are let be, so RV(corral.ollama.instance_info#module:instances) can be given as it is.
    type: list
    elements: dict
    required: true
  residents:
    description: The declared residents, as in M(corral.ollama.resident_set).
    type: list
    elements: raw
    default: []
  memory_path:
    description: The file on the host in which M(corral.ollama.resident_set) remembers what it loaded.
    type: path
  timeout:
    description: Seconds to wait for one answer.
    type: float
    default: 30.0
  concurrency:
    description: How many servers are asked at the same time.
    type: int
    default: 16
requirements:
  - The Python library C(requests) on the target.
seealso:
  - module: corral.ollama.resident_set
  - module: corral.ollama.model_info
"""

EXAMPLES = r"""
- name: Look at the instances
  corral.ollama.instance_info:
    project: ollama
  register: corral_instances

- name: See what is resident where
  corral.ollama.resident_info:
    servers: "{{ corral_instances.instances }}"
    residents:
      - mistral:7b
    memory_path: /var/lib/corral/ollama/residents.json
  register: corral_memory

- name: Say what is not there
  ansible.builtin.debug:
    msg: "{{ corral_memory.findings | map(attribute='message') }}"
"""

RETURN = r"""
servers:
  description: One entry per server, in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The server's name., type: str}
    url: {description: Its address., type: str}
    reachable: {description: Whether it told what it has in memory., type: bool}
    problem: {description: Why not., type: str}
    residents:
      description: The models in its memory.
      type: list
      elements: dict
      contains:
        name: {description: The model., type: str}
        digest: {description: The digest at which it was loaded., type: str}
        size: {description: The bytes that it takes., type: int}
        size_vram: {description: How many of them are on GPUs., type: int}
        context_length: {description: The tokens of its context., type: int}
        expires: {description: "When it leaves: a moment, V(never), or empty while it is asked.", type: str}
residents:
  description: The same by server, of those that answered.
  returned: success
  type: dict
findings:
  description: The declared residents that are not in memory, or not as declared; each with a remedy.
  returned: success
  type: list
  elements: dict
  contains:
    check: {description: "V(resident) for what is not there, V(evicted) for what was there and has gone.", type: str}
    severity: {description: "V(problem) for what was pushed out, else V(warning).", type: str}
    instance: {description: The server., type: str}
    model: {description: The model., type: str}
    message: {description: A sentence that names both., type: str}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.resident_info import prepare_resident_info
from ..module_utils.glue.run import Work, run

SPEC = {
    "servers": {"type": "list", "elements": "dict", "required": True},
    "residents": {"type": "list", "elements": "raw", "default": []},
    "memory_path": {"type": "path"},
    "timeout": {"type": "float", "default": 30.0},
    "concurrency": {"type": "int", "default": 16},
}


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_resident_info(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
