#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a fleet as the engine sees them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_info
short_description: The Ollama instances of a host as its Docker engine sees them
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Lists the containers of the Compose project's services C(ollama-server-N) with state, health, image, address,
    volumes and GPUs, in the order of their numbers.
  - One-off containers of C(docker compose run) are left out, and so are other services of the project but the gateway.
  - Whether an instance answers with its models is a question for M(corral.ollama.probe).
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.project
options:
  timeout:
    description: Seconds to wait for one answer of the engine.
    type: float
    default: 60.0
requirements:
  - The Python library C(docker) on the target.
seealso:
  - module: corral.ollama.probe
  - module: corral.ollama.preflight
"""

EXAMPLES = r"""
- name: Look at the instances
  corral.ollama.instance_info:
    project: ollama
  register: corral_instances

- name: Prove that each of them answers
  corral.ollama.probe:
    servers: "{{ corral_instances.instances }}"
    models: [mistral:7b]
"""

RETURN = r"""
project:
  description: The project that was asked for.
  returned: success
  type: str
  sample: ollama
gateway:
  description: >-
    The container of the service C(gateway) with C(container), C(id), C(state) and C(image); empty when the fleet has
    none.
  returned: success
  type: dict
  sample: {container: ollama-gateway, id: 4b1c0d9f2a77, state: running, image: "haproxy:3.0.11"}
instances:
  description: One entry per instance, in the order of their numbers; empty when there is none.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The Compose service.
      type: str
      sample: ollama-server-1
    container:
      description: The container's name.
      type: str
      sample: ollama-ollama-server-1
    id:
      description: The container's id.
      type: str
    state:
      description: The engine's word for it, for example V(running), V(exited) or V(restarting).
      type: str
      sample: running
    health:
      description: The result of the container's health check, empty without one.
      type: str
      sample: healthy
    exit_code:
      description: The code with which it ended last, 0 while it runs.
      type: int
    image:
      description: The image as the project names it.
      type: str
      sample: ollama/ollama:0.32.15
    image_digest:
      description: The id of the image that the container really runs, 64 hexadecimal digits.
      type: str
    created_at:
      description: When the container was made.
      type: str
    started_at:
      description: When it was started last.
      type: str
    restarts:
      description: How often the engine restarted it by itself.
      type: int
    oom_killed:
      description: Whether it was ended for want of memory.
      type: bool
    url:
      description: Where the host reaches its API, empty when it is not published.
      type: str
      sample: http://127.0.0.1:11434
    port:
      description: The host port of its API, 0 when it is not published.
      type: int
      sample: 11434
    volumes:
      description: What is mounted, each with C(name), C(source), C(destination) and C(read_only).
      type: list
      elements: dict
    gpus:
      description:
        - The GPUs it was given, called as an inventory calls them in whatever way it got them, V(["all"]) for all.
      type: list
      elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.engine.client import connect, speaking
from ..module_utils.engine.containers import project_containers, project_gateway, project_instances
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import PROJECT, merged


def prepare(params: Mapping[str, Any]) -> Work:
    api = connect(params["timeout"])
    with speaking():
        listed = project_containers(api, params["project"])
        found = {"instances": project_instances(api, listed), "gateway": project_gateway(listed)}
    return Work(result={"project": params["project"], **found})


def main() -> None:
    spec = merged(PROJECT, {"timeout": {"type": "float", "default": 60.0}})
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
