#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is damaged in a store, and only that, made good again."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_repair
short_description: Repair what is damaged in a model store, blob by blob
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Finds what is damaged in a store, and puts exactly that in order. A pull does not, as it trusts a blob by its name,
    and removing and pulling a model does not either where another model shares the bad blob.
  - The good copy comes first. It is taken from a source into staging and hashed there. Then the bad file is moved into
    C(.corral/quarantine), and the good one is renamed into its place. Nothing is ever truncated or changed in place.
  - Unreadable and missing manifests come back byte for byte, from the copy that was kept when they were published,
    by the digest that a model is pinned to, or from a source; also when their tag has moved on in the registry.
  - Links, pipes, directories and odd names are set aside, old names (C(sha256:…)) are corrected, rests of pulls that
    nobody can finish and empty directories go away, and permissions are corrected.
  - Damage for which there is no good source is left as it is, and named.
  - Servers that looked at the store while it was damaged may remember that. RV(repaired_at) says when a repair last
    changed what servers see; those that were started before have to be restarted. The role P(corral.ollama.repair#role)
    does so.
  - It only writes under the lease of M(corral.ollama.store_lease), which it renews while it works.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.attributes.progress_action
  - corral.ollama.options.store
  - corral.ollama.options.lease
  - corral.ollama.options.registry
  - corral.ollama.options.progress
options:
  models:
    description:
      - The declared models, each a name, or a dictionary with C(name), C(digest) (that of its manifest), C(insecure)
        and C(state). One that has no manifest is damage; one with C(state=absent) is not put back.
      - Whatever is given, the whole store is repaired.
    type: list
    elements: raw
    default: []
  mode:
    description:
      - V(incremental) believes the receipts of blobs that nobody has touched since they were hashed.
      - V(full) hashes every blob.
    type: str
    choices: [incremental, full]
    default: incremental
  sources:
    description: Where good copies may come from, in this order.
    type: list
    elements: dict
    default: [{type: registry}]
    suboptions:
      type:
        description:
          - V(registry) is the one that a model's name names.
          - V(peer) is another directory with C(blobs) and C(manifests) on this host.
          - V(bundle) is a file as M(corral.ollama.store_bundle) exports it.
        type: str
        choices: [peer, bundle, registry]
        required: true
      path:
        description: Where the peer or bundle lies on the target.
        type: path
      link:
        description:
          - Hard-link from a peer on the same file system instead of copying.
          - Only for a peer to which nobody writes any more. A file with two names is damaged under both.
        type: bool
        default: false
  threads:
    description: How many files to hash at the same time; V(0) means one per usable processor, at most 32.
    type: int
    default: 0
  retries:
    description: How often a fetch that brings nothing is tried again. One that goes on after a break is not counted.
    type: int
    default: 3
  bytes_per_second:
    description: The most bytes to fetch from a registry in a second; V(0) is no limit.
    type: int
    default: 0
  file_mode:
    description:
      - The permissions that blobs and manifests have to have, for example V("0644").
      - When empty, those are corrected to C(0644) that not everybody may read, or that others than the owner may write.
    type: str
    default: ''
  directory_mode:
    description:
      - The permissions that directories have to have, for example V("0755").
      - When empty, those are corrected to C(0755) that not everybody may read, or that others than the owner may write.
    type: str
    default: ''
  on_failure:
    description: >-
      Whether to V(fail) when something could not be repaired, after everything else was, or to V(report) it with
      RV(ok=false). Check mode only warns while there is something that can be repaired.
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python library C(requests) on the target, for the source V(registry).
seealso:
  - module: corral.ollama.digest_check
  - module: corral.ollama.store_lease
  - module: corral.ollama.store_model
"""

EXAMPLES = r"""
- name: Repair a store from the registry
  corral.ollama.store_repair:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: "{{ corral_models }}"
    lease_token: "{{ corral_lease.lease.token }}"

- name: Repair it from an old volume first, and fetch only what that has not
  corral.ollama.store_repair:
    path: /var/lib/docker/volumes/ollama_models/_data
    mode: full
    sources:
      - type: peer
        path: /var/lib/docker/volumes/ollama_old/_data/models
      - type: registry
    bytes_per_second: 20000000
    lease_token: "{{ corral_lease.lease.token }}"
"""

RETURN = r"""
ok:
  description: Whether no damage is left, or would be in check mode.
  returned: success
  type: bool
found:
  description: What was found, as in RV(corral.ollama.digest_check#module:findings), damage first and not endless.
  returned: success
  type: list
  elements: dict
found_by_kind:
  description: How many of each kind were found.
  returned: success
  type: dict
repaired:
  description:
    - What was done, or would be in check mode. In a failure it is in RV(ignore:error), as all the others.
    - Of this and the other lists no more than a thousand entries, those that hurt models first; RV(counts) has all.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: >-
        V(fetch), V(rename), V(restore) (a manifest), V(set_aside), V(set_mode), V(remove) or V(remove_directory).
      type: str
    kind: {description: The kind of damage., type: str}
    path: {description: "What it was about, below the store.", type: str}
    digest: {description: Of the blob or manifest., type: str}
    models: {description: The models that it hurt., type: list, elements: str}
    source: {description: "V(registry), V(peer), V(bundle), V(staging), V(known) or V(store).", type: str}
    bytes_fetched: {description: The bytes that came from a registry for it., type: int}
unrepaired:
  description: Damage that is left, each with C(kind), C(path), C(digest), C(models) and C(reason).
  returned: success
  type: list
  elements: dict
quarantined:
  description: The paths below the store that were moved into quarantine.
  returned: success
  type: list
  elements: str
counts:
  description: How many were C(repaired), C(unrepaired) and C(quarantined).
  returned: success
  type: dict
bytes_damaged:
  description: The size of the blobs that models need and that were damaged or missing.
  returned: success
  type: int
bytes_fetched:
  description: The bytes that came from registries.
  returned: success
  type: int
models_affected:
  description: Every model that was or is hurt by something.
  returned: success
  type: list
  elements: str
repaired_at:
  description: When a repair last changed what servers see, in Unix seconds; 0 for never.
  returned: success
  type: float
repaired_ago:
  description: How many seconds ago that was, by the clock of the target; V(0) for never.
  returned: success
  type: float
repaired_models:
  description: The models of all repairs that are whole now, with C(name) and C(at), when it was repaired last.
  returned: success
  type: list
  elements: dict
steps:
  description: What was done, or would be in check mode. Each has C(action), C(target) and C(detail).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.repair import prepare_repair
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import LEASE, PROGRESS, REGISTRY, STORE, merged

SOURCE = {
    "type": {"type": "str", "choices": ["peer", "bundle", "registry"], "required": True},
    "path": {"type": "path"},
    "link": {"type": "bool", "default": False},
}
SPEC = merged(
    STORE,
    LEASE,
    REGISTRY,
    PROGRESS,
    {
        "models": {"type": "list", "elements": "raw", "default": []},
        "mode": {"type": "str", "choices": ["incremental", "full"], "default": "incremental"},
        "sources": {"type": "list", "elements": "dict", "options": SOURCE, "default": [{"type": "registry"}]},
        "threads": {"type": "int", "default": 0},
        "retries": {"type": "int", "default": 3},
        "bytes_per_second": {"type": "int", "default": 0},
        "file_mode": {"type": "str", "default": ""},
        "directory_mode": {"type": "str", "default": ""},
        "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_repair(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
