#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models of many Ollama servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: model_info
short_description: The models of many Ollama servers, and how they differ from what is declared
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Asks many Ollama servers at the same time for their version, their models and which of them are loaded.
  - Says for each server which declared models are missing, have another digest, or should not be there.
  - A server that does not answer is part of the result and no failure of the module.
  - That a model is listed is no proof that it works. For that there is M(corral.ollama.probe),
    and for the files M(corral.ollama.digest_check).
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.servers
  - corral.ollama.options.rechecks
options:
  models:
    description:
      - The declared models. Each is a name, or a dictionary with C(name) and, if wanted, C(digest)
        and C(state) (V(present), V(latest) or V(absent)).
    type: list
    elements: raw
    default: []
  wait:
    description: How many seconds to wait for a server that does not answer yet.
    type: float
    default: 0.0
  timeout:
    description: Seconds to wait for one answer.
    type: float
    default: 30.0
requirements:
  - The Python library C(requests) on the target.
seealso:
  - module: corral.ollama.model
  - module: corral.ollama.probe
"""

EXAMPLES = r"""
- name: Look at two servers
  corral.ollama.model_info:
    servers:
      - name: ollama-server-1
        url: http://127.0.0.1:11434
      - name: ollama-server-2
        url: http://127.0.0.1:11435
    models:
      - mistral:7b
      - name: codellama:7b
        state: absent
    wait: 30
  register: corral_models

- name: Say what is missing where
  ansible.builtin.debug:
    msg: "{{ item.name }} lacks {{ item.missing }}"
  loop: "{{ corral_models.servers }}"
  loop_control:
    label: "{{ item.name }}"
  when: item.missing | length > 0
"""

RETURN = r"""
ok:
  description: Whether every server answered, and lists all declared models in their digest and none declared absent.
  returned: success
  type: bool
servers:
  description: One entry per server, in the order given.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The server's name as given.
      type: str
    url:
      description: Its URL as given.
      type: str
    reachable:
      description: Whether it answered.
      type: bool
    version:
      description: The version it says it is.
      type: str
    error:
      description: Why nothing is known about its models, empty when all is known.
      type: str
    models:
      description: The models it lists, by name.
      type: list
      elements: dict
      contains:
        name:
          description: The normalised name.
          type: str
        digest:
          description: The sha256 of its manifest.
          type: str
        size:
          description: The bytes that the manifest claims.
          type: int
        modified_at:
          description: The time of its manifest file.
          type: str
        details:
          description: Format, family, parameters and quantisation as the server tells them.
          type: dict
        capabilities:
          description: What it can do as far as the server tells, V([]) from older ones.
          type: list
          elements: str
        loaded:
          description: Whether it is in memory.
          type: bool
        size_vram:
          description: The bytes of it on GPUs.
          type: int
    running_digests:
      description:
        - The manifest digests of the models that are in memory, as it says, sorted.
        - Such a model may be an older one than is listed, or one that is not listed any more.
      type: list
      elements: str
    missing:
      description: The declared models that it does not list.
      type: list
      elements: str
    differs:
      description: The declared models with another digest, with C(name), C(expected) and C(found).
      type: list
      elements: dict
    unwanted:
      description: The models that it lists although they are declared absent.
      type: list
      elements: str
inconsistent:
  description: The declared models that the servers list under different digests, with C(name) and C(digests).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.libraries import require
from ..module_utils.glue import spec
from ..module_utils.glue.model_report import model_report
from ..module_utils.glue.run import Work, run

OWN: spec.Spec = {
    "models": {"type": "list", "elements": "raw", "default": []},
    "wait": {"type": "float", "default": 0.0},
    "timeout": {"type": "float", "default": 30.0},
}


def prepare(params: Mapping[str, Any]) -> Work:
    require("requests")
    return Work(result=model_report(params))


def main() -> None:
    spec_all = spec.merged(spec.SERVERS, spec.RECHECKS, OWN)
    run(AnsibleModule(argument_spec=spec_all, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
