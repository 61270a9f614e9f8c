#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models in a store: published whole, or gone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_model
short_description: Models in a shared store, published whole or not at all
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Brings models into a store that running Ollama servers read, so that they never see a model half there.
    What was pulled into staging is hashed, its blobs are linked into C(blobs/), and the manifest is renamed into place
    last. Whatever ends the module at whatever point, readers see the old model or the new one.
  - With O(source=puller) it pulls through an Ollama server whose E(OLLAMA_MODELS) is the store's C(.corral/incoming).
    Blobs that the store has and that hash right are linked in first, so that they are not downloaded again.
    What hashes wrong after a pull is removed and pulled once more.
  - With O(state=absent) it removes the manifest. Blobs are left to others that may use them, and to a later prune.
  - It only writes under the lease of M(corral.ollama.store_lease), which it renews while it works.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.attributes.progress_action
  - corral.ollama.options.store
  - corral.ollama.options.lease
  - corral.ollama.options.registry
  - corral.ollama.options.pull
options:
  name:
    description: One model. Use O(models) for more, or to pin a digest.
    type: str
  models:
    description:
      - The models, each a name, or a dictionary with C(name), C(digest) (the manifest digest that it must have),
        C(insecure) (the registry speaks HTTP) and C(state) (V(present), V(latest) or V(absent)).
    type: list
    elements: raw
    default: []
  state:
    description: V(absent) removes all the models named, whatever their own C(state) says.
    type: str
    choices: [present, absent]
    default: present
  source:
    description:
      - V(staging) publishes what lies in C(.corral/incoming) already.
      - V(puller) pulls there first, through O(puller_url).
      - V(known) goes back to a version that was published before. Each model needs its digest. A copy of its manifest
        and all its blobs have to be in the store still, and are hashed again unless a receipt speaks for them.
    type: str
    choices: [staging, puller, known]
    default: staging
  puller_url:
    description: The base URL of the puller. Required with O(source=puller).
    type: str
  timeout:
    description: Seconds to wait for the puller to answer a request other than a pull.
    type: float
    default: 30.0
  registry_lookup:
    description:
      - Ask the registry what a model consists of before it is pulled. Then check mode knows the digest, a pinned digest
        that is not served is refused before anything is pulled, and blobs that the store has are not pulled again.
      - If the registry cannot be reached from the target, there is a warning, and the puller is asked all the same.
    type: bool
    default: true
  hash_threads:
    description: How many files to hash at the same time; V(0) means one per usable processor.
    type: int
    default: 0
seealso:
  - module: corral.ollama.store
  - module: corral.ollama.store_lease
  - module: corral.ollama.digest_check
"""

EXAMPLES = r"""
- name: Pull and publish two models
  corral.ollama.store_model:
    path: /var/lib/docker/volumes/ollama_models/_data
    models:
      - mistral:7b
      - name: nomic-embed-text:v1.5
        digest: 4d2396b16114669389d7555c15a1592aad584750310f648edad5ca8c4eccda17
    source: puller
    puller_url: http://127.0.0.1:11534
    lease_token: "{{ corral_lease.lease.token }}"

- name: Take a model away from all servers at once
  corral.ollama.store_model:
    path: /var/lib/docker/volumes/ollama_models/_data
    name: codellama:7b
    state: absent
    lease_token: "{{ corral_lease.lease.token }}"
"""

RETURN = r"""
models:
  description: What was done for each model, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The model., type: str}
    action: {description: "V(none), V(publish), V(pull) or V(remove).", type: str}
    reason: {description: Why., type: str}
    digest: {description: The manifest digest afterwards; empty when absent or not known beforehand., type: str}
    previous_digest: {description: The manifest digest before., type: str}
    changed: {description: Whether readers see something else now., type: bool}
    bytes_total: {description: The size of the model., type: int}
    bytes_fetched: {description: What the pull transferred., type: int}
    layers_reused: {description: Blobs that the store had., type: int}
    layers_fetched: {description: Blobs that came from staging., type: int}
    seconds_pull: {description: How long the pull took., type: float}
    seconds_hash: {description: How long hashing and publishing took after the pull., type: float}
    retries: {description: "Failed attempts, each with C(attempt), C(kind) and C(message).", type: list, elements: dict}
steps:
  description: What was done, or would be in check mode. Each has C(action), C(target) and C(detail).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.publish import prepare_publish
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import LEASE, PULL, REGISTRY, STORE, merged

SPEC = merged(
    STORE,
    LEASE,
    REGISTRY,
    PULL,
    {
        "name": {"type": "str"},
        "models": {"type": "list", "elements": "raw", "default": []},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "source": {"type": "str", "choices": ["staging", "puller", "known"], "default": "staging"},
        "puller_url": {"type": "str"},
        "timeout": {"type": "float", "default": 30.0},
        "registry_lookup": {"type": "bool", "default": True},
        "hash_threads": {"type": "int", "default": 0},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_publish(params)


def main() -> None:
    needed = [("source", "puller", ["puller_url"])]
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True, required_if=needed), prepare)


if __name__ == "__main__":
    main()
