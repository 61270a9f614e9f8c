#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which does it all on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_report
short_description: Put together on the controller what load tests saw on every host
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Puts what the client saw (M(corral.ollama.load_test)) beside what the servers and their consumers logged meanwhile
    (M(corral.ollama.log_check)) and what the gateway tried again (M(corral.ollama.gateway_info) before and after), and
    says what was masked. That is what the servers logged as failed and no client saw, as something had tried again.
  - Prints a table, and writes C(load.json) and the page C(load.html) to a directory of the controller. The page needs
    no network and no script. The form of C(load.json) is published as a JSON Schema, C(docs/schemas/load.schema.json).
  - Hands the small dictionary C(corral_load) to workflows, in the way of M(ansible.builtin.set_stats).
  - Runs once for all hosts of a batch, and connects to none of them.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.controller_action
  - corral.ollama.attributes.controller_report
options:
  hosts:
    description:
      - A dictionary of host name to what is known of the host.
      - RV(corral.ollama.load_test#module:load) under C(load) is what counts; a host without it was not tested, which is
        a problem.
      - RV(corral.ollama.log_check#module:containers) under C(logs), and what M(corral.ollama.gateway_info) returned
        before and after under C(gateway_before) and C(gateway_after).
    type: dict
    default: {}
  artifacts_dir:
    description: The directory on the controller. A relative one is below the folder from which the playbook is run.
    type: str
    default: artifacts
  max_error_ratio:
    description: The part of a host's requests that may fail, 0 to 1.
    type: float
    default: 0.0
  fail_on_masked:
    description: Whether what was masked is a problem.
    type: bool
    default: true
  check_only:
    description: Only make sure that both files could be written, before anything else is done.
    type: bool
    default: false
  fail:
    description: Whether to fail when there is a problem.
    type: bool
    default: true
  width:
    description: How many columns the table may have.
    type: int
    default: 100
seealso:
  - module: corral.ollama.load_test
"""

EXAMPLES = r"""
- name: Report on the load tests of all hosts
  corral.ollama.load_report:
    artifacts_dir: artifacts
    max_error_ratio: 0.001
    hosts: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)
         | map(attribute='corral_load_test', default={}))) }}
  run_once: true
"""

RETURN = r"""
ok:
  description: Whether there is no problem.
  returned: always
  type: bool
summary:
  description:
    - C(ok), C(tested_at), and numbers of C(hosts), C(tested) ones, C(requests), C(failed), C(waited), C(masked) and
      C(problems); C(error_ratio); C(p50), C(p95), C(p99) and C(max) of the slowest host in seconds. Also
      C(corral_load).
  returned: when not O(check_only), and it does not fail
  type: dict
problems:
  description: All problems as sentences, each beginning with the name of its host.
  returned: when not O(check_only), and it does not fail
  type: list
  elements: str
table:
  description: The report as it was printed.
  returned: when not O(check_only), and it does not fail
  type: str
error:
  description: The summary and the list C(problems), with C(kind) V(load_not_ok) or V(artifacts_unwritable).
  returned: failure
  type: dict
path:
  description: Where C(load.json) was written, empty in check mode.
  returned: when not O(check_only)
  type: str
  sample: /home/ops/fleet/artifacts/load.json
page:
  description: Where C(load.html) was written, empty in check mode.
  returned: when not O(check_only)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.load_report import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("load_report")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
