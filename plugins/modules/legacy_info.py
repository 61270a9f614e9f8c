#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ollama containers that are to be migrated."""

from __future__ import annotations

DOCUMENTATION = r"""
module: legacy_info
short_description: The Ollama containers of a host that Corral did not make, and where their models lie
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Finds containers that keep Ollama models, and the directory on the host in which each keeps them. Several containers
    on one volume give one tree.
  - Without O(containers), O(compose_project) and O(volumes) it lists every container that has something mounted at
    C(…/.ollama) or C(…/.ollama/models), whose E(OLLAMA_MODELS) points into a mount, or whose image is named after
    Ollama and that has models in it. With several of them it lists what any of them names.
  - Containers with the label C(corral.project) are Corral's own, and left out.
  - What a person has to solve before a migration is in RV(problems); the module succeeds all the same.
  - Of a container's environment it returns what begins with C(OLLAMA_), and E(HOME); nothing that may be a secret.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
options:
  containers:
    description: Names or ids of containers to list, whatever they run.
    type: list
    elements: str
    default: []
  compose_project:
    description: List the legacy containers of this Compose project.
    type: str
    default: ""
  volumes:
    description: List the containers that use these volumes, and the models in them also when none does.
    type: list
    elements: str
    default: []
  path:
    description: The directory of the shared store. The tree that is this very directory has C(in_place) set.
    type: path
  timeout:
    description: Seconds to wait for one answer of the engine.
    type: float
    default: 60.0
requirements:
  - The Python library C(docker) on the target.
seealso:
  - module: corral.ollama.store_merge
"""

EXAMPLES = r"""
- name: See which containers keep models of their own
  corral.ollama.legacy_info:
  register: corral_legacy

- name: Look at one Compose project
  corral.ollama.legacy_info:
    compose_project: technical-service-assistant
    path: /var/lib/docker/volumes/ollama_models/_data
"""

RETURN = r"""
containers:
  description: One entry per container, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The container's name., type: str}
    id: {description: The container's id., type: str}
    compose_project: {description: Its Compose project; empty without., type: str}
    service: {description: Its service in that project., type: str}
    compose_directory: {description: The project's working directory., type: str}
    compose_files: {description: The project's files., type: list, elements: str}
    image: {description: The image as it was named., type: str}
    running: {description: "Whether it runs, is paused or restarts.", type: bool}
    restart_policy: {description: "V(no), V(always), V(on-failure) or V(unless-stopped).", type: str}
    restart_retries: {description: How often V(on-failure) starts it again; 0 for no limit., type: int}
    ports: {description: "Each with C(container_port), C(host_ip) and C(host_port).", type: list, elements: dict}
    models_directory: {description: Where its server has its models inside the container., type: str}
    models_path: {description: The same on the host; empty when there is no such directory., type: str}
    volume: {description: The volume in which they lie; empty for a bind mount., type: str}
    writable: {description: Whether the container may write there., type: bool}
    env: {description: "What it was told by C(OLLAMA_…) and E(HOME).", type: dict}
trees:
  description: >-
    The distinct directories of models, with C(name) (the container's, or the volume's where several share it), C(path),
    C(volume), C(containers) and C(in_place). They are what O(corral.ollama.store_merge#module:sources) takes.
  returned: success
  type: list
  elements: dict
problems:
  description: >-
    What a person has to solve, each with C(kind), C(message), C(remedy), C(container), C(volume) and C(path). The kinds
    are C(container_missing), C(volume_missing), C(own_layer) (models that lie in a container's own layer),
    C(auto_remove) (the engine removes the container when it stops), C(unreadable_mount) (another driver, tmpfs, or
    mounted only while in use), C(tree_missing), C(not_a_directory) and C(other_writers).
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.legacy import prepare_legacy
from ..module_utils.glue.run import run


def main() -> None:
    spec = {
        "containers": {"type": "list", "elements": "str", "default": []},
        "compose_project": {"type": "str", "default": ""},
        "volumes": {"type": "list", "elements": "str", "default": []},
        "path": {"type": "path"},
        "timeout": {"type": "float", "default": 60.0},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), prepare_legacy)


if __name__ == "__main__":
    main()
