#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateway does at this moment."""

from __future__ import annotations

DOCUMENTATION = r"""
module: gateway_info
short_description: What the gateway of a fleet does at this moment
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Asks the running HAProxy which configuration it has, which server is up, drained or down, how many requests each
    works on, and what it had to try again.
  - After a reload, old workers go on with the requests that they have. These count, in RV(servers[].in_flight) too.
  - A gateway that does not answer is reported, not a failure.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
  - corral.ollama.options.gateway
options:
  wait:
    description: Seconds to wait for a gateway that is being started.
    type: float
    default: 0.0
seealso:
  - module: corral.ollama.gateway
  - module: corral.ollama.instance_info
"""

EXAMPLES = r"""
- name: Look at the gateway
  corral.ollama.gateway_info:
    run_dir: /opt/corral/ollama/gateway/run
  register: corral_gateway

- name: See that it sends requests to every instance
  ansible.builtin.assert:
    that: corral_gateway.servers | rejectattr('status', 'eq', 'UP') | length == 0
"""

RETURN = r"""
gateway:
  description: The worker that serves.
  returned: success
  type: dict
  contains:
    reachable: {description: Whether it answers; otherwise nothing else is known., type: bool}
    version: {description: The version of HAProxy., type: str, sample: 3.0.11}
    pid: {description: "The worker's process, as its master counts.", type: int}
    uptime_seconds: {description: How long it has run. A reload starts a new worker., type: int}
    config_id: {description: Which configuration it has; empty for one that is not Corral's., type: str}
    old_workers: {description: "Workers from before a reload, which finish what they have.", type: list, elements: int}
    retries: {description: Requests that were sent again to the same server., type: int}
    redispatches: {description: Requests that were sent to another server instead., type: int}
servers:
  description: One entry per server, in the order of the configuration. Counters begin anew with each reload.
  returned: success
  type: list
  elements: dict
  contains:
    name: {description: The instance., type: str, sample: ollama-server-1}
    status:
      description: What HAProxy calls it, for example V(UP), V(UP 1/2), V(DRAIN), V(DOWN), V(MAINT).
      type: str
    known: {description: Whether the configuration still has it. Otherwise only old workers do., type: bool}
    drained: {description: Whether it gets no new requests by order. Stopped meanwhile it is V(DOWN)., type: bool}
    in_flight: {description: "Requests that it works on, those of old workers included.", type: int}
    old_in_flight: {description: Those of old workers., type: int}
    queued: {description: "Requests that may still be sent to it, as old workers cannot be drained.", type: int}
    retries: {description: Requests that were sent to it again., type: int}
    redispatches: {description: Requests that were taken away from it., type: int}
    connection_errors: {description: How often it refused a connection., type: int}
    response_errors: {description: "How often it answered with nothing, or not with HTTP.", type: int}
    responses_5xx: {description: Its answers with a status of 500 or more., type: int}
    checks_failed: {description: Health checks that failed., type: int}
    address: {description: Where it is asked., type: str, sample: 127.0.0.1}
    port: {description: The port there., type: int, sample: 11434}
queued:
  description: Requests that wait for any server to have room.
  returned: success
  type: int
error:
  description: Why it cannot be reached, empty when it can.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.gateway import gateway_report
from ..module_utils.glue.run import run
from ..module_utils.glue.spec import GATEWAY, merged

SPEC = merged(GATEWAY, {"wait": {"type": "float", "default": 0.0}})


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), gateway_report)


if __name__ == "__main__":
    main()
