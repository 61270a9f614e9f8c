#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which does it all on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drift_report
short_description: Where hosts, instances, lock and registry differ about the declared models
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Holds what was read on every host against the lock, prints one table of models and hosts, and writes it to
    C(drift.json) in a directory of the controller. Nothing is pulled.
  - The verdict on a model of a host is V(ok), V(outdated) (the registry serves another content by now),
    V(differs) (store, instances, hosts and lock do not agree) or V(missing) (not whole in the store, or not listed by
    an instance). V(outdated) is no failure, and neither is a registry that does not answer.
  - Hands the small dictionary C(corral_drift) to workflows, in the way of M(ansible.builtin.set_stats). Ansible drops
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
      - A dictionary of host name to a dictionary of what was read there.
      - C(declared) has the models as users declare them, C(models) is RV(corral.ollama.store_info#module:models) of
        them with C(compare=latest), C(layers=true) and C(on_unavailable=report), and C(servers) is
        RV(corral.ollama.model_info#module:servers). A host without C(models) was not read, which is a problem.
    type: dict
    default: {}
  lock:
    description:
      - The lock as the lookup P(corral.ollama.lock#lookup) returns it.
      - Without one the stores of the hosts are compared with each other.
    type: dict
    default: {}
  artifacts_dir:
    description: The directory on the controller. A relative one is below the folder from which the playbook is run.
    type: str
    default: artifacts
  fail:
    description: Whether to fail when anything differs or is missing.
    type: bool
    default: true
  width:
    description: How many columns the table may have, at least 80.
    type: int
    default: 100
seealso:
  - module: corral.ollama.lock_file
  - module: corral.ollama.store_info
  - module: corral.ollama.model_info
"""

EXAMPLES = r"""
- name: Compare the store with the registry
  corral.ollama.store_info:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: "{{ corral_models }}"
    compare: latest
    on_unavailable: report
    layers: true
  register: corral_store

- name: Show who has what
  corral.ollama.drift_report:
    lock: "{{ lookup('corral.ollama.lock') }}"
    hosts: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)
         | map(attribute='corral_store', default={}) | map('combine', {'declared': corral_models}))) }}
  run_once: true
"""

RETURN = r"""
ok:
  description: Whether nothing differs and nothing is missing.
  returned: success
  type: bool
report:
  description: What C(drift.json) holds.
  returned: success
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
      sample: "2026-11-22T02:00:00Z"
    locked:
      description: Whether there is a lock.
      type: bool
    summary:
      description: >-
        Numbers of C(hosts), C(models), C(rows) (models of hosts), of them C(rows_ok), C(outdated), C(differs) and
        C(missing), of C(problems), and C(bytes_to_update), what all hosts together would download to have what the
        registry serves now.
      type: dict
    rows:
      description:
        - One for each model of each host, with C(host), C(model), C(state), C(lock), C(wanted) (the digest that
          counts), C(store), C(complete), C(registry), C(bytes_to_update), C(verdict) and C(reason).
        - C(instances) in it has C(asked), C(agree) and C(listed), the digest that each one lists.
      type: list
      elements: dict
    problems:
      description: What differs or is missing, as sentences.
      type: list
      elements: str
    notes:
      description: What is worth knowing and no failure, as sentences.
      type: list
      elements: str
table:
  description: The report as it was printed.
  returned: success
  type: str
path:
  description: Where it was written, empty in check mode.
  returned: always
  type: str
  sample: /home/ops/fleet/artifacts/drift.json
error:
  description: The summary and the list C(problems), with C(kind) V(drift), V(bad_lock) or V(artifacts_unwritable).
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.drift import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("drift_report")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
