#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared models in memory."""

from __future__ import annotations

DOCUMENTATION = r"""
module: resident_set
short_description: Have declared models in the memory of many Ollama servers before anybody asks for them
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Compares what is declared resident with what each server has in memory, and loads what is missing, or is there
    with another digest, another context length or for another time. All servers at once, and on each the largest model
    first.
  - What cannot be in the memory of a server together is an error before anything is loaded. What counts is how many
    models it keeps (E(OLLAMA_MAX_LOADED_MODELS) as it is in force), and the memory of its GPUs as it tells it, else the
    limit of its container or the memory of the host. Of a model that is not loaded the size of its weights is known, or
    what it took the last time. Where less is known, it is looked at afterwards.
  - What would push out another model that is in memory is not loaded, and is in RV(waiting), as long as O(push_out) is
    false. Models that are not declared are never unloaded on purpose.
  - A model whose time is limited is left alone while at least half of that time is left.
  - After each load the others have to be there still, and the model on a GPU where the server has one.
  - An embedding model is asked to embed, any other to generate a few tokens, since a model in memory that cannot answer
    is of no use.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
options:
  servers:
    description:
      - The servers, each with C(name) and C(url).
      - Other keys are let be, so RV(corral.ollama.instance_info#module:instances) can be given as it is.
    type: list
    elements: dict
    required: true
  residents:
    description:
      - What has to be in memory. An entry is the name of a model or a dictionary with C(name), C(instances) (names of
        servers, all of them by default), C(keep_alive) (seconds or a duration such as C(30m), V(-1) for ever and the
        default) and C(context_length) (tokens, V(0) for the server's own and the default).
    type: list
    elements: raw
    required: true
  project:
    description:
      - The Compose project whose containers the servers are, to read from the engine what they may use. When empty,
        nothing is known about it.
    type: str
    default: ""
  memory_path:
    description:
      - A file on the host in which is remembered what was loaded, so that M(corral.ollama.resident_info) can tell what
        has gone since.
    type: path
  push_out:
    description:
      - Load also what pushes out models that are not declared resident. Which these were is a warning.
    type: bool
    default: false
  ignore_unknown:
    description:
      - Whether O(residents) may name servers that are not in O(servers), as in a check before the run that makes them.
    type: bool
    default: false
  deadline:
    description: Seconds that one answer may take, loading the model and waiting for a busy server included.
    type: float
    default: 300.0
  timeout:
    description: Seconds to wait for any other answer of a server, or of the engine.
    type: float
    default: 30.0
  concurrency:
    description: On how many servers models are loaded at the same time.
    type: int
    default: 16
  on_failure:
    description:
      - Whether to V(fail) when something declared cannot be loaded, or to V(report) it with RV(ok=false).
      - Either way the other servers get what is declared for them.
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python libraries C(requests) and, with O(project), C(docker) on the target.
seealso:
  - module: corral.ollama.resident_info
  - module: corral.ollama.resident
"""

EXAMPLES = r"""
- name: Look at the instances
  corral.ollama.instance_info:
    project: ollama
  register: corral_instances

- name: Have two models in memory before traffic comes
  corral.ollama.resident_set:
    servers: "{{ corral_instances.instances }}"
    project: ollama
    residents:
      - mistral:7b
      - name: codellama:7b
        instances: [ollama-server-1, ollama-server-2]
        keep_alive: 12h
        context_length: 8192
    memory_path: /var/lib/corral/ollama/residents.json
  register: corral_resident
"""

RETURN = r"""
ok:
  description: Whether nothing went wrong. What waits is no failure.
  returned: success
  type: bool
complete:
  description: Whether everything declared is in memory, or in check mode would be.
  returned: success
  type: bool
problems:
  description: What went wrong, as sentences that name server and model.
  returned: success
  type: list
  elements: str
waiting:
  description: What was not loaded, as it would push out others, as sentences that name all of them.
  returned: success
  type: list
  elements: str
results:
  description: One entry per server for which something is declared. In a failure it is in C(error).
  returned: success
  type: list
  elements: dict
  contains:
    server: {description: The server's name., type: str}
    url: {description: Its address., type: str}
    reachable: {description: Whether it answered., type: bool}
    room:
      description: >-
        How much it keeps in memory, C(models) at the same time in C(memory) bytes, of its GPUs when C(gpu); 0 is
        unknown.
      type: dict
    models:
      description: What is declared for it, in the order of loading.
      type: list
      elements: dict
      contains:
        name: {description: The model., type: str}
        digest: {description: The digest that the server lists., type: str}
        action: {description: "V(load), V(reload), V(renew) (only its time), V(wait) or V(keep).", type: str}
        why: {description: What is not as declared., type: str}
        keep_alive_seconds: {description: "For how long it is to stay, V(-1) for ever.", type: int}
        context_length: {description: "The tokens of its context; V(0) as the server likes.", type: int}
        resident: {description: "Whether it is in memory, as far as is known.", type: bool}
        size: {description: "The bytes that it takes or, before it is loaded, at least will.", type: int}
        size_vram: {description: How many of them are on GPUs., type: int}
        endpoint: {description: "How it was asked, V(generate) or V(embed).", type: str}
        seconds: {description: How long loading and answering took., type: float}
        load_seconds: {description: What the server says of loading., type: float}
        pushes_out: {description: Whom loading it pushes out., type: list, elements: str}
        problem: {description: What is wrong., type: str}
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.resident_set import prepare_resident_set
from ..module_utils.glue.run import Work, run

SPEC = {
    "servers": {"type": "list", "elements": "dict", "required": True},
    "residents": {"type": "list", "elements": "raw", "required": True},
    "project": {"type": "str", "default": ""},
    "memory_path": {"type": "path"},
    "push_out": {"type": "bool", "default": False},
    "ignore_unknown": {"type": "bool", "default": False},
    "deadline": {"type": "float", "default": 300.0},
    "timeout": {"type": "float", "default": 30.0},
    "concurrency": {"type": "int", "default": 16},
    "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
}


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_resident_set(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
