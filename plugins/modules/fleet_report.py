#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which does it all on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_report
short_description: Put together on the controller what was verified on every host
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Makes one report of the results that M(corral.ollama.probe) and M(corral.ollama.instance_info) had on all hosts,
    prints it as a table of instances and models, and writes it to C(fleet.json) in a directory of the controller.
  - Writes the same as a page for people to C(fleet.html) beside it. The page needs no network and no script, can be
    sent by mail, and says what is wrong, what to do next, and what is different from the C(fleet.json) that was there.
  - The form of C(fleet.json) is published as a JSON Schema, C(docs/schemas/fleet.schema.json) of the collection.
  - Hands the small dictionary C(corral_fleet) to workflows, in the way of M(ansible.builtin.set_stats). Ansible drops
    it when the task itself fails, so set O(fail=false) and let another task fail where the workflow needs it.
  - Runs once for all hosts of a batch, and connects to none of them. Say C(run_once) nevertheless where the result is
    registered, so that all hosts get it.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.controller_action
  - corral.ollama.attributes.controller_report
options:
  hosts:
    description:
      - A dictionary of host name to what is known of the host.
      - RV(corral.ollama.probe#module:results) under C(results) is what counts; a host without it was not verified,
        which is a problem.
      - RV(corral.ollama.instance_info#module:instances) under C(instances) adds what the engine knows.
      - The names under C(expected) have to be among the results, and the texts under C(problems_of_host) are problems.
      - What M(corral.ollama.storage_info) returned under C(storage) is printed below the table.
      - C(drift) has C(declared), the models, and C(models) of M(corral.ollama.store_info), which are held against
        O(lock) and against the other hosts. C(image) is the declared image.
      - C(findings), C(gpus) and C(logs) are those of M(corral.ollama.instance_check), C(residents) is what each
        instance has in memory. A finding with C(severity=problem) is a problem of its instance.
    type: dict
    default: {}
  artifacts_dir:
    description: The directory on the controller. A relative one is below the folder from which the playbook is run.
    type: str
    default: artifacts
  check_only:
    description: Only make sure that both files could be written, before anything else is done.
    type: bool
    default: false
  fail:
    description: Whether to fail when the fleet is not as declared.
    type: bool
    default: true
  lock:
    description: What the lookup P(corral.ollama.lock#lookup) returns. When empty, nothing is held against a lock.
    type: dict
    default: {}
  width:
    description: How many columns the table may have.
    type: int
    default: 100
"""

EXAMPLES = r"""
- name: Make sure early that the report can be written
  corral.ollama.fleet_report:
    artifacts_dir: artifacts
    check_only: true

- name: Report on the whole fleet
  corral.ollama.fleet_report:
    artifacts_dir: artifacts
    hosts: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)
         | map(attribute='corral_probe', default={}))) }}
"""

RETURN = r"""
ok:
  description: Whether every instance of every host is as declared.
  returned: always
  type: bool
report:
  description: What C(fleet.json) holds.
  returned: when not O(check_only), and it does not fail
  type: dict
  contains:
    schema:
      description: The version of this form.
      type: int
    ok:
      description: As RV(ok).
      type: bool
    generated_at:
      description: When, in UTC.
      type: str
      sample: "2026-11-21T22:00:00Z"
    summary:
      description: Numbers of C(hosts), C(instances), C(instances_ok), C(models), C(asked) and C(problems).
      type: dict
    hosts:
      description: Each with C(name), C(ok), C(verified) and the number of its C(problems), those out of reach included.
      type: list
      elements: dict
    instances:
      description:
        - Each with C(host), C(name), C(url), C(ok), C(version), C(problem), what the engine knows, and C(models).
        - Each model has C(name), C(digest), C(expected), C(listed), C(answered) and the figures of the probe.
      type: list
      elements: dict
    storage:
      description: Per host what M(corral.ollama.storage_info) returned, when it was given.
      type: dict
    service:
      description:
        - Per host C(gateway), what M(corral.ollama.gateway_info) returned, and C(rollout), what
          M(corral.ollama.rollout_info) returned, when they were given.
      type: dict
    findings:
      description:
        - What was found besides the answers, each with C(host), C(check), C(severity), C(instance), C(model) and
          C(message).
      type: list
      elements: dict
    problems:
      description: All problems as sentences.
      type: list
      elements: str
    next:
      description: What to do next, the most urgent first, each with C(playbook) and C(why).
      type: list
      elements: dict
    changes:
      description:
        - What is different from the C(fleet.json) that was there before; absent when there was none of this form.
        - C(since), C(problems_new), C(problems_gone), and C(items), each with C(kind), C(model), C(before), C(after)
          and C(where), a dictionary of host to names of instances.
      type: dict
table:
  description: The report as it was printed.
  returned: when not O(check_only), and it does not fail
  type: str
error:
  description: The summary and the list C(problems), with C(kind) V(fleet_not_ok) or V(artifacts_unwritable).
  returned: failure
  type: dict
path:
  description: Where it was written, empty in check mode.
  returned: when not O(check_only)
  type: str
  sample: /home/ops/fleet/artifacts/fleet.json
page:
  description: Where the page was written, empty in check mode.
  returned: when not O(check_only)
  type: str
  sample: /home/ops/fleet/artifacts/fleet.html
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.fleet_report import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("fleet_report")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
