#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which does it all on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_report
short_description: What an inventory means, host by host, without touching any host
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Works out which instances each host will have, with ports, GPUs, volumes, models and residents, prints it, hosts
    that are alike once, and writes it to C(plan.json) in a directory of the controller.
  - What cannot be deployed as it is declared is a problem. Whether the GPUs are there, and what fits them, is known on
    the hosts only, and judged by the playbook C(deploy) before it changes anything.
  - Hands the small dictionary C(corral_plan) to workflows, in the way of M(ansible.builtin.set_stats). Ansible drops it
    when the task itself fails, so set O(fail=false) and let another task fail where the workflow needs it.
  - Runs once for all hosts of a batch, and connects to none of them. Say C(run_once) nevertheless where the result is
    registered, so that all hosts get it.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.controller_action
attributes:
  check_mode:
    support: full
    details:
      - In check mode the plan is made and printed, and not written.
  diff_mode:
    support: N/A
    details:
      - The plan is a record of what is declared, not a state that is managed.
  idempotent:
    support: full
    details:
      - Each run replaces the file by a newer one, which is no change of the fleet and not reported as one.
options:
  hosts:
    description:
      - A dictionary of host name to a dictionary with what is declared for it, in the words of the fleet-wide inputs
        without their prefix. These are C(project), C(image), C(instance_count) (V(0) for one for each GPU),
        C(base_port), C(bind_address), C(gpus), C(gpu_vendor), C(gpu_runtime), C(models), C(residents), C(store_volume),
        C(gateway) (where it listens, empty for none) and C(address) (by which the host is reached).
    type: dict
    default: {}
  artifacts_dir:
    description: The directory on the controller. A relative one is below the folder from which the playbook is run.
    type: str
    default: artifacts
  fail:
    description: Whether to fail when something cannot be deployed as it is declared.
    type: bool
    default: true
  width:
    description: How many columns the table may have, at least 80.
    type: int
    default: 100
seealso:
  - plugin: corral.ollama.instances
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what one host would run
  corral.ollama.plan_report:
    hosts:
      gpu1:
        project: ollama
        image: ollama/ollama:0.32.15
        instance_count: 2
        base_port: 11434
        bind_address: 127.0.0.1
        gpus: [0, 1]
        gpu_vendor: nvidia
        gpu_runtime: auto
        models: [mistral:7b]
        residents: []
        store_volume: ollama_models
        gateway: 127.0.0.1:11433
  run_once: true
"""

RETURN = r"""
ok:
  description: Whether there is no problem.
  returned: success
  type: bool
plan:
  description: What C(plan.json) holds.
  returned: success
  type: dict
  contains:
    schema: {description: The version of this form., type: int}
    ok: {description: As RV(ok)., type: bool}
    generated_at: {description: "When, in UTC.", type: str, sample: "2026-11-22T02:00:00Z"}
    summary:
      description: Numbers of C(hosts), C(instances), C(gpus) (that are named), C(models) and C(problems).
      type: dict
    hosts:
      description:
        - One for each host, with C(host), C(address), C(project), C(image), C(base_port), C(gateway), C(store_volume),
          C(gpu_vendor), C(gpu_runtime), C(models), C(residents) and C(instances).
        - C(instances_by) and C(gpus_by) say whether the inventory or the host itself decides.
      type: list
      elements: dict
    problems: {description: "What cannot be deployed as it is declared, as sentences.", type: list, elements: str}
table:
  description: The plan as it was printed.
  returned: success
  type: str
path:
  description: Where it was written, empty in check mode.
  returned: always
  type: str
  sample: /home/ops/fleet/artifacts/plan.json
error:
  description: The summary and the list C(problems), with C(kind) V(bad_plan) or V(artifacts_unwritable).
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.fleet_plan import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("plan_report")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
