#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a host's fleet is not as it has to be, besides the answers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_check
short_description: Find what is wrong with the instances of a host besides their answers
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - M(corral.ollama.probe) proves that instances answer. This module looks at everything that can be wrong all the same,
    in one call. Containers that ended and were started again or had a process killed for want of memory since the last
    look, images and versions that are not the same everywhere or not the declared ones, an environment that is not in
    force, models on the processor that belong on a GPU, leases that are stuck or were left behind, damage in the store,
    and what the logs hold.
  - It decides nothing about the play. Each finding has a severity, and whoever gets them decides.
  - What Corral itself did is no finding. The audit log of the rollouts tells which instance it changed when, and what a
    rollout that is under way has yet to change is a note.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.options.project
  - corral.ollama.options.engine
attributes:
  check_mode:
    support: full
    details:
      - In check mode O(memory_path) is read and not written.
  diff_mode:
    support: N/A
    details:
      - This module does not modify state.
  idempotent:
    support: full
    details:
      - The file of O(memory_path) is a memory of what was seen. Writing it is no change. What happened between two runs
        is told by the second one, and by no third.
options:
  instances:
    description:
      - The declared instances, each with C(name) and C(gpus) (a list, V(["all"]) for all, empty for none), as the
        filter P(corral.ollama.instances#filter) returns them. Containers of the project that are not among them are
        let be.
    type: list
    elements: dict
    required: true
  image:
    description: The declared image. When empty, images are not compared with it.
    type: str
    default: ''
  environment:
    description:
      - The declared environment, for each variable the SHA-256 of its value as hexadecimal digits, so that no secret is
        sent. When empty, the environment is not looked at.
    type: dict
    default: {}
  answers:
    description: RV(corral.ollama.probe#module:results), for versions and for where models were when they answered.
    type: list
    elements: dict
    default: []
  residents:
    description: By instance, the models that are in its memory, each with C(name), C(size) and C(size_vram).
    type: dict
    default: {}
  host_gpus:
    description:
      - What M(corral.ollama.gpu_info) returned for this host. Then a GPU that was there at the last deployment and is
        missing is found, and one that a container does not see any more (C(nvidia-smi -L) in it). When empty, neither
        is looked for.
    type: dict
    default: {}
  store_path:
    description: The directory of the store on the host. When empty, neither its lease nor its scrubs are looked at.
    type: path
  rollout_path:
    description: The directory of the rollout on the host. When empty, nothing is known of what Corral itself did.
    type: path
  memory_path:
    description: The file on the host that remembers how the containers were. When empty, every look is the first one.
    type: path
  max_restarts:
    description: How many times a server may have ended by itself since the last look before it is a problem.
    type: int
    default: 0
  max_lease_age:
    description: Seconds for which one job may have a lease.
    type: int
    default: 21600
  max_scrub_age:
    description: Seconds within which every byte of the store has to be read once. V(0) for no limit.
    type: int
    default: 2592000
  logs:
    description: Whether to check the logs of the instances and of O(log_consumers).
    type: bool
    default: true
  log_since:
    description:
      - Since when. V(change) is the newest of the container's start and what a rollout last did to the instance.
        Otherwise as O(corral.ollama.log_check#module:since).
      - What exceeds the thresholds since the last look (O(memory_path)) is a problem, what only did so before that is
        a warning.
    type: str
    default: change
  log_consumers:
    description: As O(corral.ollama.log_check#module:consumers). One that is not on this host is a warning.
    type: list
    elements: dict
    default: []
    suboptions:
      container:
        description: The container's name or id.
        type: str
        required: true
      patterns:
        description: Python regular expressions, each as text or as a dictionary.
        type: list
        elements: raw
        required: true
  log_thresholds:
    description: As O(corral.ollama.log_check#module:thresholds).
    type: dict
    default: {}
requirements:
  - The Python libraries C(docker) and C(requests) on the target.
seealso:
  - module: corral.ollama.probe
  - module: corral.ollama.log_check
  - module: corral.ollama.fleet_report
"""

EXAMPLES = r"""
- name: See what is wrong besides the answers
  corral.ollama.instance_check:
    instances:
      - {name: ollama-server-1, gpus: ["0"]}
      - {name: ollama-server-2, gpus: ["1"]}
    image: ollama/ollama:0.32.15
    store_path: /var/lib/docker/volumes/ollama_models/_data
    rollout_path: /var/lib/corral/ollama/rollout
    memory_path: /var/lib/corral/ollama/verify.json
  register: corral_check

- name: Fail where something is
  ansible.builtin.assert:
    that: corral_check.findings | selectattr('severity', 'equalto', 'problem') | length == 0
    fail_msg: "{{ corral_check.findings | map(attribute='message') | join(' ') }}"
"""

RETURN = r"""
findings:
  description: What was found.
  returned: success
  type: list
  elements: dict
  contains:
    check:
      description:
        - V(restarts), V(oom), V(version_skew), V(image_skew), V(environment), V(gpu), V(lease), V(store) or V(logs).
      type: str
      sample: gpu
    severity:
      description: V(problem), V(warning) or V(note).
      type: str
      sample: problem
    instance:
      description: The instance, empty when it is about the whole host.
      type: str
      sample: ollama-server-3
    model:
      description: The model, empty when it is about none.
      type: str
      sample: mistral:7b
    message:
      description: What was found, what was expected, and what helps.
      type: str
gpus:
  description: >-
    Of each instance whose models belong on a GPU, C(server), C(expected) (declared), C(given) (to its container),
    C(seen) (by its server, each with C(id), C(library), C(name) and C(total)) and C(library).
  returned: success
  type: list
  elements: dict
logs:
  description: As RV(corral.ollama.log_check#module:containers), of every log that could be looked at.
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.instance_check import prepare_instance_check
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ENGINE, PROJECT, merged

CONSUMER = {
    "container": {"type": "str", "required": True},
    "patterns": {"type": "list", "elements": "raw", "required": True},
}
SPEC = merged(
    PROJECT,
    ENGINE,
    {
        "instances": {"type": "list", "elements": "dict", "required": True},
        "image": {"type": "str", "default": ""},
        # not even the digests of values are shown
        "environment": {"type": "dict", "default": {}, "no_log": True},
        "answers": {"type": "list", "elements": "dict", "default": []},
        "residents": {"type": "dict", "default": {}},
        "host_gpus": {"type": "dict", "default": {}},
        "store_path": {"type": "path"},
        "rollout_path": {"type": "path"},
        "memory_path": {"type": "path"},
        "max_restarts": {"type": "int", "default": 0},
        "max_lease_age": {"type": "int", "default": 21600},
        "max_scrub_age": {"type": "int", "default": 2592000},
        "logs": {"type": "bool", "default": True},
        "log_since": {"type": "str", "default": "change"},
        "log_consumers": {"type": "list", "elements": "dict", "default": [], "options": CONSUMER},
        "log_thresholds": {"type": "dict", "default": {}},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_instance_check(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
