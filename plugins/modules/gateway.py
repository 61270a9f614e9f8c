#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The running gateway has the configuration that it should have."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway
short_description: Let the running gateway have its new configuration, without a lost request
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Reloads HAProxy when it runs with another configuration than O(config_id). A new worker takes over the open ports,
    the old one finishes what it has. HAProxy is never restarted.
  - Before that it writes down which servers are drained, so that the new worker knows it as well.
  - When HAProxy refuses the configuration, the old worker goes on as if nothing had happened, and the module fails with
    HAProxy's own words.
  - It does not write the configuration; the role C(corral.ollama.gateway) does.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.state_module
  - corral.ollama.options.gateway
options:
  config_id:
    description:
      - What identifies the configuration. In its section C(global) stands C(description corral:ID).
      - It has to change with everything that HAProxy reads only when it is loaded, certificates and scripts included.
    type: str
    required: true
  wait:
    description: Seconds to wait for a gateway that is being started.
    type: float
    default: 30.0
  rollout_path:
    description:
      - The directory with the record of rollouts, as in M(corral.ollama.rollout).
      - With it, nothing is reloaded while a rollout is under way, and none begins meanwhile.
    type: path
    default: ''
  token:
    description: The token of that rollout's lease, to reload in the middle of it. It is no secret.
    type: str
    default: ''
seealso:
  - module: corral.ollama.gateway_info
  - module: corral.ollama.gateway_keys
"""

EXAMPLES = r"""
- name: Let the gateway take its new configuration
  corral.ollama.gateway:
    run_dir: /opt/corral/ollama/gateway/run
    config_id: 4f0c2f1b
    rollout_path: /var/lib/corral/ollama/rollout
"""

RETURN = r"""
gateway:
  description: The worker that serves. In check mode, the one of now with the C(config_id) to come.
  returned: success
  type: dict
  contains:
    version: {description: The version of HAProxy., type: str, sample: 3.0.11}
    pid: {description: "The worker's process, as its master counts.", type: int}
    uptime_seconds: {description: How long it has run., type: int}
    config_id: {description: Which configuration it has., type: str}
    old_workers: {description: "Workers from before, which finish what they have.", type: list, elements: int}
previous_config_id:
  description: Which configuration it had before; empty when it was not running, or had one that is not Corral's.
  returned: success
  type: str
error:
  description: >-
    Why not, with C(kind) - V(gateway_refused) with C(log) for a configuration that HAProxy refuses, V(gateway_gone),
    V(gateway_other_config), V(lease_held) while a rollout is under way.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.gateway import prepare_gateway
from ..module_utils.glue.run import run
from ..module_utils.glue.spec import GATEWAY, merged

SPEC = merged(
    GATEWAY,
    {
        "config_id": {"type": "str", "required": True},
        "wait": {"type": "float", "default": 30.0},
        "rollout_path": {"type": "path", "default": ""},
        "token": {"type": "str", "default": "", "no_log": False},
    },
)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare_gateway)


if __name__ == "__main__":
    main()
