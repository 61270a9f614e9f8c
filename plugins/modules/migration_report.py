#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which does it all on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_report
short_description: Put together on the controller what the migration of every host brought
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Makes one report of what M(corral.ollama.migration) knows on all hosts, prints for each old store how many bytes it
    took, takes and saves, names what was decided about models that were not the same everywhere, and writes it to
    C(migration.json) in a directory of the controller.
  - Hands the small dictionary C(corral_migration) to workflows, in the way of M(ansible.builtin.set_stats).
  - Runs once for all hosts of a batch, and connects to none of them.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.controller_action
  - corral.ollama.attributes.controller_report
attributes:
  check_mode:
    support: full
    details:
      - In check mode the report is made and printed, as that of a plan, and not written.
options:
  hosts:
    description:
      - A dictionary of host name to RV(corral.ollama.migration#module:migration), or to a dictionary that has the
        result of M(corral.ollama.store_merge) under C(merge).
      - A host without C(merge) is one whose migration did not get so far, which is a problem.
    type: dict
    default: {}
  artifacts_dir:
    description: The directory on the controller. A relative one is below the folder from which the playbook is run.
    type: str
    default: artifacts
  width:
    description: How many columns the table may have, at least 80.
    type: int
    default: 100
seealso:
  - module: corral.ollama.migration
  - module: corral.ollama.store_merge
"""

EXAMPLES = r"""
- name: Read how far the migration has come
  corral.ollama.migration:
    path: /var/lib/corral/ollama/migration.json
  register: corral_migrated

- name: Show what it brought
  corral.ollama.migration_report:
    hosts: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)
         | map(attribute='corral_migrated.migration', default={}))) }}
  run_once: true
"""

RETURN = r"""
ok:
  description: Whether every host was migrated.
  returned: success
  type: bool
report:
  description: What C(migration.json) holds.
  returned: success
  type: dict
  contains:
    schema:
      description: The version of this form.
      type: int
    ok:
      description: As RV(ok).
      type: bool
    predicted:
      description: Whether it is a plan, made in check mode.
      type: bool
    generated_at:
      description: When, in UTC.
      type: str
      sample: "2026-11-22T02:00:00Z"
    summary:
      description: >-
        Numbers of C(hosts) and C(sources), and for all of them C(before_bytes), C(after_bytes), C(saved_bytes),
        C(percent), C(linked_bytes), C(reflinked_bytes) and C(copied_bytes).
      type: dict
    hosts:
      description: >-
        Each with C(host), C(phase), C(store), C(space), C(models), C(conflicts), C(lacking), and C(sources), which have
        C(name), C(before_bytes), C(after_bytes), C(saved_bytes) and C(percent).
      type: list
      elements: dict
    problems:
      description: Hosts that were not migrated, as sentences.
      type: list
      elements: str
table:
  description: The report as it was printed.
  returned: success
  type: str
path:
  description: Where it was written, empty in check mode.
  returned: success
  type: str
  sample: /home/ops/fleet/artifacts/migration.json
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.migration_report import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("migration_report")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
