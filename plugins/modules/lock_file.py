#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doorway to the action plugin of the same name, which does it all on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: lock_file
short_description: Write the exact digests of the declared models into the lock of the fleet
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Writes C(corral.lock.yml) on the controller, in one step. It holds manifest digest, size, source and layers of
    every declared model, and is what the roles deploy and verify from then on.
  - A pin that is there stays, also when stores or the registry have something else by now, unless O(refresh) is set.
    For a model without a pin, what the stores have counts; they have to agree. What no store has, the registry tells.
  - Whatever changes is printed, with and without C(--diff).
  - Runs once for all hosts of a batch, and connects to none of them. Say C(run_once) nevertheless where the result is
    registered, so that all hosts get it.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.controller_action
  - corral.ollama.attributes.state_module
options:
  path:
    description:
      - The file on the controller. A relative one is below the folder from which the playbook is run.
      - When empty, the file that the lookup P(corral.ollama.lock#lookup) reads without a term.
    type: str
    default: ""
  hosts:
    description:
      - A dictionary of host name to a dictionary with C(declared), the models as users declare them, and C(models),
        which is RV(corral.ollama.store_info#module:models) of them with C(layers=true) and C(compare=none).
      - Without C(models) a host was not read, which is an error, as nobody knows whether it agrees.
        With O(refresh) the stores need not be read.
    type: dict
    default: {}
  registry:
    description:
      - RV(corral.ollama.store_info#module:models) with C(layers=true), C(compare=latest) and C(on_unavailable=report)
        for the models under RV(to_ask).
    type: list
    elements: dict
    default: []
  plan_only:
    description: Only find out what the registry has to be asked.
    type: bool
    default: false
  refresh:
    description:
      - Take for every declared model what the registry serves now. A digest in the declaration still counts.
    type: bool
    default: false
  prune:
    description: Drop the pins of models that no host of this run declares. Otherwise they stay and do nothing.
    type: bool
    default: false
seealso:
  - plugin: corral.ollama.lock
    plugin_type: lookup
  - plugin: corral.ollama.pinned
    plugin_type: filter
  - module: corral.ollama.store_info
  - module: corral.ollama.drift_report
"""

EXAMPLES = r"""
- name: Read what the store has
  corral.ollama.store_info:
    path: /var/lib/docker/volumes/ollama_models/_data
    models: "{{ corral_models }}"
    compare: none
    layers: true
  register: corral_store

- name: Pin the declared models to what all hosts have
  corral.ollama.lock_file:
    hosts: >-
      {{ dict(ansible_play_hosts_all | zip(ansible_play_hosts_all | map('extract', hostvars)
         | map(attribute='corral_store', default={}) | map('combine', {'declared': corral_models}))) }}
  run_once: true
"""

RETURN = r"""
path:
  description: Where the lock is.
  returned: success
  type: str
  sample: /home/ops/fleet/corral.lock.yml
lock:
  description: What it holds, or would hold, in the form of the file.
  returned: success, when not O(plan_only)
  type: dict
changes:
  description:
    - Each pin that came, went or changed, with C(name), C(before) and C(after) (digests, empty for none) and
      C(new_bytes), the bytes of layers that the old pin did not have.
  returned: success, when not O(plan_only)
  type: list
  elements: dict
to_ask:
  description: The models of which only the registry can tell the digest, each with C(name) and C(insecure).
  returned: success
  type: list
  elements: dict
error:
  description:
    - What is in the way, all of it. C(kind) is that of the first problem, V(hosts_disagree), V(host_not_read),
      V(lock_contradiction), V(model_not_locked), V(digest_unavailable), V(bad_lock), V(lock_unwritable)
      or V(bad_input).
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.core.lock_plan import OPTIONS
from ..module_utils.glue.controller_only import controller_only
from ..module_utils.glue.run import run

prepare = controller_only("lock_file")


def main() -> None:
    run(AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
