#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take instances out of service without cutting a request."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drain
short_description: Take instances out of service without cutting a request
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Takes a batch of instances out of the gateway's rotation and waits until nothing is in flight on them any more, so
    that they can be restarted, recreated or removed.
  - An Ollama server cuts its running answers when it is stopped. So this has to come first.
  - Refused when more than O(max_unavailable) instances of the host would be out with this batch, those counted that are
    out for another reason. The others are waited for first, at most O(healthy_deadline). Of a fleet with more than one
    instance, the last one in service is never taken out. A batch that is out already is not refused.
  - That an instance is being drained is recorded before the first command, together with the models that it has loaded,
    which M(corral.ollama.admission) loads again.
  - An instance counts as idle when two readings in a row, 50 ms apart, show nothing in flight and nothing queued, old
    workers of the gateway included. One that neither the gateway's check nor C(/api/version) reaches is not waited for.
  - When the gateway is killed meanwhile it is waited for, and the instances are drained again. Right before the module
    ends it looks once more whether the drain is in force.
  - Without a gateway (O(run_dir) empty) there is nothing that could hold requests back. The order, the limit and the
    record are the same.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.options.rollout
attributes:
  check_mode:
    support: full
    details:
      - In check mode the limit is checked, what is loaded is read, and nothing is waited for.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  instances:
    description: The batch, each with C(name) and C(url). Other keys are let be.
    type: list
    elements: dict
    required: true
  others:
    description:
      - All instances of the host, each with C(name) and C(url); those of O(instances) may be among them.
      - RV(corral.ollama.instance_info#module:instances) can be given as it is. One whose URL is empty counts as out.
    type: list
    elements: dict
    default: []
  run_dir:
    description:
      - The directory on the target with the gateway's sockets. Empty without a gateway.
      - An instance that the gateway does not know is not drained there. What old workers have on it is waited for.
    type: path
  max_unavailable:
    description: How many instances may be out at once, a number or a share such as V(25%) of all (at least one).
    type: str
    default: '1'
  drain_timeout:
    description: Seconds to wait until nothing is in flight.
    type: float
    default: 600.0
  on_timeout:
    description:
      - With V(fail), the whole batch is put back into service when O(drain_timeout) has passed, and the module fails.
      - With V(cut), what still runs then is cut by what comes next.
    type: str
    choices: [fail, cut]
    default: fail
  healthy_deadline:
    description: Seconds to wait for the other instances, and for a gateway that does not answer.
    type: float
    default: 300.0
  timeout:
    description: Seconds to wait for one answer of the gateway, of C(/api/version) and of C(/api/ps).
    type: float
    default: 5.0
requirements:
  - The Python library C(requests) on the target.
seealso:
  - module: corral.ollama.admission
  - module: corral.ollama.rollout
  - module: corral.ollama.gateway_info
"""

EXAMPLES = r"""
- name: Take one instance out of service
  corral.ollama.drain:
    rollout_path: /var/lib/corral/ollama/rollout
    audit_path: /var/lib/corral/ollama/audit.jsonl
    token: "{{ corral_rollout.token }}"
    run_dir: /opt/corral/ollama/gateway/run
    instances:
      - {name: ollama-server-1, url: "http://127.0.0.1:11434"}
    others: "{{ corral_instances.instances }}"
"""

RETURN = r"""
instances:
  description: One entry per instance of the batch.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The instance.
      type: str
    waited_seconds:
      description: How long its requests took to end.
      type: float
    in_flight_at_start:
      description: How many requests ran on it or waited for it when it was drained, old workers included.
      type: int
    cut:
      description: How many of them were given up, as the time was over or the instance is down.
      type: int
    down:
      description: Whether it did not answer, so that nothing was waited for.
      type: bool
    redrained:
      description: How often it had to be drained again, because the gateway had come back without it.
      type: int
    residents:
      description:
        - The models that it had loaded, each with C(name), C(digest), C(size), C(size_vram), C(context_length) (0 when
          unknown) and C(keep_alive_seconds), which is V(-1) for ever and V(null) for the server's default.
      type: list
      elements: dict
out:
  description: The instances other than these that were out of service when the drain began.
  returned: success
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.drain import prepare_drain
from ..module_utils.glue.run import Work, run
from ..module_utils.glue.spec import ROLLOUT, merged

SPEC = merged(
    ROLLOUT,
    {
        "instances": {"type": "list", "elements": "dict", "required": True},
        "others": {"type": "list", "elements": "dict", "default": []},
        "run_dir": {"type": "path"},
        "max_unavailable": {"type": "str", "default": "1"},
        "drain_timeout": {"type": "float", "default": 600.0},
        "on_timeout": {"type": "str", "choices": ["fail", "cut"], "default": "fail"},
        "healthy_deadline": {"type": "float", "default": 300.0},
        "timeout": {"type": "float", "default": 5.0},
    },
)


def prepare(params: Mapping[str, Any]) -> Work:
    return prepare_drain(params)


def main() -> None:
    run(AnsibleModule(argument_spec=SPEC, supports_check_mode=True), prepare)


if __name__ == "__main__":
    main()
