#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nobody needs in a store, found, and removed in two phases."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_prune
short_description: Remove from a model store what nobody needs any more
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Finds orphaned blobs, abandoned downloads, what is left in staging, temporary files, old quarantine, superseded
    manifests and, only if asked, models that are not declared. Removes those that are old enough.
  - Works in two phases. A blob that no manifest names is marked, or was named by a manifest that
    M(corral.ollama.store_model) superseded or removed; from then on its age counts. It goes when it is older than
    O(min_age), and neither a readable manifest nor a model that an instance has loaded names it.
  - Never removes a blob that a readable manifest names. That is looked at again, under the guard of the lease, right
    before each removal.
  - A manifest that cannot be read may name anything. As long as there is one without a copy that tells what it named,
    no blob counts as an orphan.
  - Check mode changes nothing and takes no lease. It says what a run would remove, what has to wait, and why.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.options.store
  - corral.ollama.options.lease
options:
  models:
    description:
      - The declared models. Each is a name, or a dictionary with C(name) and, if wanted, C(digest), C(insecure)
        and C(state). One that is V(absent) counts as not declared.
      - While the manifest of a declared model is missing or broken, the blobs of its last known manifest stay.
    type: list
    elements: raw
    default: []
  undeclared:
    description:
      - Whether to remove the models that are not declared. No instance of the store lists them afterwards.
      - Their blobs follow in a later run, after O(min_age).
    type: bool
    default: false
  running_digests:
    description:
      - RV(corral.ollama.model_info#module:servers[].running_digests) of all instances. What these models are made of
        stays. A digest that no manifest explains makes all orphans wait.
    type: list
    elements: str
    default: []
  unasked:
    description: The names of instances that could not be asked what they have loaded. They make all orphans wait.
    type: list
    elements: str
    default: []
  pullers:
    description: The names of running containers that pull into this store. They make partial and staged files wait.
    type: list
    elements: str
    default: []
  min_age:
    description: Seconds for which a blob has to be of no use before it goes.
    type: int
    default: 86400
  partial_age:
    description: Seconds for which a partial, staged or temporary file has to be unchanged before it goes.
    type: int
    default: 86400
  quarantine_age:
    description: Seconds for which what was set aside is kept. What the store still lacks is kept in any case.
    type: int
    default: 1209600
  free_goal_bytes:
    description:
      - The free space that is wanted. The oldest go first, until it is reached; V(0) removes all that may go.
    type: int
    default: 0
seealso:
  - module: corral.ollama.storage_info
  - module: corral.ollama.store_lease
"""

EXAMPLES = r"""
- name: See what could go
  corral.ollama.store_prune:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: [mistral:7b]
    lease_token: ""
  check_mode: true
  register: corral_prune

- name: Let it go, until 100 GB are free
  corral.ollama.store_prune:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: [mistral:7b]
    running_digests: "{{ corral_models.servers | map(attribute='running_digests') | flatten | unique }}"
    free_goal_bytes: 100000000000
    lease_token: "{{ corral_lease.lease.token }}"
"""

RETURN = r"""
candidates:
  description: What was looked at, at most 1000 entries, those that go first.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: >-
        V(model), V(orphan), V(partial), V(staged), V(temp), V(quarantine), V(past) (a superseded manifest), V(empty)
        (a directory) or V(stray).
      type: str
    path: {description: Where it lies below the store., type: str}
    bytes: {description: "What its removal frees. A file with further hard links frees nothing.", type: int}
    age: {description: Seconds since it is of no use., type: float}
    action: {description: "V(remove), V(wait) or V(keep).", type: str}
    why: {description: The reason., type: str}
    model: {description: "The name of a model, else empty.", type: str}
    digest: {description: "The digest of a blob or manifest, else empty.", type: str}
candidates_left_out:
  description: How many there are beyond those listed.
  returned: success
  type: int
summary:
  description: Per kind C(count), C(bytes), and how many of them go (C(remove)).
  returned: success
  type: dict
bytes_reclaimable:
  description: What a run frees, or freed.
  returned: success
  type: int
bytes_waiting:
  description: What a later run frees, the blobs of removed models included.
  returned: success
  type: int
bytes_freed:
  description: What this run freed, V(0) in check mode.
  returned: success
  type: int
free_bytes:
  description: The free bytes of the store's file system, after the run.
  returned: success
  type: int
table:
  description: The same for people, a headline and then one line each, the largest first.
  returned: success
  type: list
  elements: str
steps:
  description: What was done, or would be in check mode. Each has C(action), C(target) and C(detail).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.prune import prepare_prune
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import LEASE, STORE, merged

SPEC = merged(
    STORE,
    LEASE,
    {
        "models": {"type": "list", "elements": "raw", "default": []},
        "undeclared": {"type": "bool", "default": False},
        "running_digests": {"type": "list", "elements": "str", "default": []},
        "unasked": {"type": "list", "elements": "str", "default": []},
        "pullers": {"type": "list", "elements": "str", "default": []},
        "min_age": {"type": "int", "default": 86400},
        "partial_age": {"type": "int", "default": 86400},
        "quarantine_age": {"type": "int", "default": 1209600},
        "free_goal_bytes": {"type": "int", "default": 0},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_prune(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
