#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models from the stores of other hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: store_fetch
short_description: Fetch models from the stores of other hosts
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Takes what a store lacks of its models from peers, which are hosts that have it, over HTTP, and from the registry
    what no peer gives. So the registry sends each byte to a fleet once.
  - A blob comes in pieces, several at the same time and from several peers. It is hashed as it arrives and seen in the
    store only when it has hashed right. The manifest of a model is renamed into place last, when all its blobs are
    there.
  - What came is kept. A run that was killed, or that O(window) ended, is gone on with by the next one.
  - A peer that sends wrong bytes, or none, is named in RV(bad_peers) and not asked again. When pieces of several peers
    were put together, it is found out whose were wrong.
  - It only writes under the lease of M(corral.ollama.store_lease), which it renews while it works.
  - The role P(corral.ollama.distribution#role) starts the peers' servers, and deals the hosts to them in waves.
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
      - The models, each a name, or a dictionary with C(name), C(digest) (that of its manifest) and C(insecure).
      - Without a digest it is the one that the first peer has, or the registry. Those declared absent are left out.
    type: list
    elements: raw
    required: true
  peers:
    description: The peers, in the order in which they are asked for manifests.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: How it is called in results, usually the host's name in the inventory.
        type: str
        required: true
      url: {description: "Where it serves, such as V(https://host1:11430).", type: str, required: true}
      fingerprint:
        description: The sha256 fingerprint of its certificate, in hexadecimal. Required for https.
        type: str
        default: ''
  peer_token:
    description: What the peers want in the header C(Authorization), after C(Bearer).
    type: str
  peer_timeout:
    description: Seconds for connecting to a peer, and without a byte from it.
    type: float
    default: 30.0
  blobs:
    description:
      - What to fetch in this run and from whom, as the role works it out. All that is lacking, from all peers, when it
        is left out.
      - A model of which a blob is still lacking afterwards is not published in this run.
    type: list
    elements: dict
    suboptions:
      digest: {description: The blob., type: str, required: true}
      size: {description: Its bytes., type: int, required: true}
      peers:
        description:
          - Names of the peers that give it, at the same time. The registry gives what has neither these nor spares.
          - One that is not in O(peers) is not asked.
        type: list
        elements: str
        default: []
      spares:
        description: Names of peers that are asked when those fail.
        type: list
        elements: str
        default: []
  fallback:
    description: Ask the registry for what no peer gives.
    type: bool
    default: true
  connections:
    description: How many pieces to fetch at the same time, 1 to 64.
    type: int
    default: 4
  retries:
    description: How often a source that fails is tried again before it is left out.
    type: int
    default: 2
  bytes_per_second:
    description: The most bytes to fetch in a second; V(0) is no limit.
    type: int
    default: 0
  window:
    description:
      - The time of day in which to fetch, by the clock of the target, such as V(22:00-06:00). Empty for any time.
      - Outside of it the module stops cleanly, within seconds, and says so in RV(stopped_by).
    type: str
    default: ''
  reserve_bytes:
    description: Bytes that have to stay free on the file system of the store.
    type: int
    default: 0
  on_failure:
    description: Whether to V(fail) when something could not be fetched, after everything else was, or to V(report) it.
    type: str
    choices: [fail, report]
    default: fail
requirements:
  - The Python library C(requests) on the target.
seealso:
  - module: corral.ollama.store_lease
  - module: corral.ollama.store_model
  - module: corral.ollama.store_repair
"""

EXAMPLES = r"""
- name: Take a model from two neighbours
  corral.ollama.store_fetch:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: [mistral:7b]
    peers:
      - name: gpu1
        url: https://gpu1.example.com:11430
        fingerprint: "{{ corral_fingerprints.gpu1 }}"
      - name: gpu2
        url: https://gpu2.example.com:11430
        fingerprint: "{{ corral_fingerprints.gpu2 }}"
    peer_token: "{{ corral_peer_token }}"
    bytes_per_second: 500000000
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
    action: {description: "V(none), V(publish), or V(wait) when a blob or its manifest is lacking.", type: str}
    reason: {description: Why., type: str}
    digest: {description: The manifest digest afterwards., type: str}
    previous_digest: {description: The manifest digest before., type: str}
    changed: {description: Whether readers see something else now., type: bool}
    bytes_total: {description: The size of the model., type: int}
blobs:
  description: The blobs that were fetched, no more than a thousand.
  returned: success
  type: list
  elements: dict
  contains:
    digest: {description: Its digest., type: str}
    size: {description: Its bytes., type: int}
    bytes_resumed: {description: Of them those that were there from an earlier run., type: int}
    bytes_from_peers: {description: "What came from peers, wrong bytes included.", type: int}
    bytes_from_upstream: {description: What came from the registry., type: int}
    peers: {description: The peers that gave it., type: list, elements: str}
bytes_from_peers:
  description: All that came from peers.
  returned: success
  type: int
bytes_from_upstream:
  description: All that came from the registry.
  returned: success
  type: int
missing:
  description: Digests that could not be fetched; in check mode those that would be.
  returned: success
  type: list
  elements: str
bytes_missing:
  description: Their bytes.
  returned: success
  type: int
bad_peers:
  description: Peers that are not to be asked again.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The peer., type: str}
    kind:
      description: "V(peer_wrong), V(peer_refused), V(peer_failed), V(peer_timeout) or V(peer_unreachable)."
      type: str
    reason: {description: What it did., type: str}
    digest: {description: "The blob it was asked for, if it was one.", type: str}
problems:
  description: What could not be fetched and why, in sentences.
  returned: success
  type: list
  elements: str
stopped_by:
  description: V(window) when the time of day ended the run; else empty.
  returned: success
  type: str
steps:
  description: What was done, or would be in check mode. Each has C(action), C(target) and C(detail).
  returned: success
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.fetch import prepare_fetch
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import LEASE, PROGRESS, REGISTRY, STORE, merged

NAMES = {"type": "list", "elements": "str", "default": []}

SPEC = merged(
    STORE,
    LEASE,
    REGISTRY,
    PROGRESS,
    {
        "models": {"type": "list", "elements": "raw", "required": True},
        "peers": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {
                "name": {"type": "str", "required": True},
                "url": {"type": "str", "required": True},
                "fingerprint": {"type": "str", "default": ""},
            },
        },
        "peer_token": {"type": "str", "no_log": True},
        "peer_timeout": {"type": "float", "default": 30.0},
        "blobs": {
            "type": "list",
            "elements": "dict",
            "options": {
                "digest": {"type": "str", "required": True},
                "size": {"type": "int", "required": True},
                "peers": dict(NAMES),
                "spares": dict(NAMES),
            },
        },
        "fallback": {"type": "bool", "default": True},
        "connections": {"type": "int", "default": 4},
        "retries": {"type": "int", "default": 2},
        "bytes_per_second": {"type": "int", "default": 0},
        "window": {"type": "str", "default": ""},
        "reserve_bytes": {"type": "int", "default": 0},
        "on_failure": {"type": "str", "choices": ["fail", "report"], "default": "fail"},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_fetch(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
