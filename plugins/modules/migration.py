#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the migration of a host has come."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration
short_description: The record of a host's migration from old Ollama containers to the fleet
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Keeps a file on the host that says what the old containers were like before anything touched them, where their
    models lie, and how far the migration has come. It is written before each step, so that a run after a crash, and a
    way back, know what a look at the host no longer shows.
  - Refuses a phase that may not follow the one reached, for example to go back after the old layout was removed.
  - With O(found) it also fails, once and with a list, for everything that is in the way of the migration.
  - It stops, merges and removes nothing. The roles C(migration), C(migration_rollback) and C(migration_reclaim) do.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
options:
  path:
    description: The file, usually C(migration.json) below C(corral_state_dir)/C(corral_project).
    type: path
    required: true
  phase:
    description:
      - The phase that is reached. When empty, the record is only read.
      - V(started) notes what O(found) has. What the record knows of a container already is kept; one that is found
        after V(rolled_back) or V(reclaimed) is noted anew.
    type: str
    choices: ['', started, merged, verified, rolling_back, rolled_back, reclaiming, reclaimed]
    default: ''
  found:
    description: The result of M(corral.ollama.legacy_info).
    type: dict
  project:
    description: The name of the new fleet's Compose project, usually C(corral_project).
    type: str
    default: ollama
  count:
    description: How many instances the new fleet has on the host.
    type: int
    default: 8
  store_volume:
    description: The volume of the shared store. When empty, V({project}_models).
    type: str
    default: ''
  store_path:
    description: The directory of the shared store.
    type: path
  merge:
    description: What is to be kept of the result of M(corral.ollama.store_merge), with O(phase=merged).
    type: dict
seealso:
  - module: corral.ollama.legacy_info
  - module: corral.ollama.store_merge
"""

EXAMPLES = r"""
- name: See what there is to migrate
  corral.ollama.legacy_info:
  register: corral_legacy

- name: Note how it is, before anything is stopped
  corral.ollama.migration:
    path: /var/lib/corral/ollama/migration.json
    phase: started
    found: "{{ corral_legacy }}"
    store_path: /var/lib/docker/volumes/ollama_models/_data
"""

RETURN = r"""
migration:
  description: The record as it is after this, and what follows from it.
  returned: success
  type: dict
  contains:
    phase: {description: How far it has come; empty when it was never begun., type: str}
    todo: {description: "Whether O(found) has something to merge, or to stop.", type: bool}
    since: {description: When each phase was reached., type: dict}
    store: {description: The C(volume) and the C(path) of the shared store., type: dict}
    containers: {description: The old containers as they were., type: list, elements: dict}
    trees: {description: The directories of their models., type: list, elements: dict}
    merge: {description: What O(merge) had., type: dict}
    writers: {description: The names of the containers that have to be stopped., type: list, elements: str}
    ran: {description: "Those that ran, each with C(name) and C(url).", type: list, elements: dict}
    sources: {description: The trees for O(corral.ollama.store_merge#module:sources)., type: list, elements: dict}
    volumes: {description: The volumes that may be removed in the end., type: list, elements: str}
    directories: {description: The directories that may be removed in the end., type: list, elements: str}
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.migration import PHASES
from ..module_utils.glue.migration import prepare_migration
from ..module_utils.glue.run import run


def main() -> None:
    spec = {
        "path": {"type": "path", "required": True},
        "phase": {"type": "str", "choices": ["", *PHASES], "default": ""},
        "found": {"type": "dict"},
        "project": {"type": "str", "default": "ollama"},
        "count": {"type": "int", "default": 8},
        "store_volume": {"type": "str", "default": ""},
        "store_path": {"type": "path"},
        "merge": {"type": "dict"},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), prepare_migration)


if __name__ == "__main__":
    main()
