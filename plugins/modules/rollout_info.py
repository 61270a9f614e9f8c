#!/usr/bin/python
# Copyright (c) 2026, The Corral founders
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a rolling change has come."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rollout_info
short_description: Which instances the last rolling change was about, and how far each has come
version_added: 0.1.0
author: The Corral founders (@corral-ollama)
description:
  - Reads the record of M(corral.ollama.rollout), its lease, and the end of the audit log. It changes nothing, and
    needs no lease.
extends_documentation_fragment:
  - corral.ollama.attributes
  - corral.ollama.attributes.info_module
options:
  path:
    description: The directory of the rollout on the host. That it is not there is no failure.
    type: path
    required: true
  audit_path:
    description: The audit log. When empty, C(audit.jsonl) beside O(path).
    type: path
  audit_lines:
    description: How many of the last events of the audit log are returned, 0 to 1000.
    type: int
    default: 0
  wait:
    description: Seconds to wait first until nobody holds the lease any more. Who holds it still then is in RV(lease).
    type: float
    default: 0.0
seealso:
  - module: corral.ollama.rollout
"""

EXAMPLES = r"""
- name: See whether a rolling change was interrupted
  corral.ollama.rollout_info:
    path: /var/lib/corral/ollama/rollout
    audit_lines: 20
  register: corral_rollout

- name: Say so
  ansible.builtin.debug:
    msg: "{{ corral_rollout.sentences }}"
  when: corral_rollout.unfinished
"""

RETURN = r"""
rollout:
  description: The record as RV(corral.ollama.rollout#module:rollout) has it; empty when there is none.
  returned: success
  type: dict
unfinished:
  description: Whether a next run has something to finish. The rollout was not ended, or left an instance in doubt.
  returned: success
  type: bool
in_doubt:
  description:
    - The instances that are out of service as far as the record knows, each with C(name), C(state) and C(kind). A run
      that was interrupted leaves them, and the next one begins with them.
  returned: success
  type: list
  elements: dict
lease:
  description: The lease of the rollout; empty when nobody has it. An expired one is shown with C(live) V(false).
  returned: success
  type: dict
sentences:
  description: The same for people, a sentence about the rollout and one about each instance.
  returned: success
  type: list
  elements: str
report:
  description: Who is what now, in a few sentences.
  returned: success
  type: str
audit:
  description:
    - The last events, oldest first, each with C(at), C(rollout), C(seq), C(owner), C(job), C(event), C(instances), and
      what is known about it.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.glue.rollout_look import prepare_rollout_info
from ..module_utils.glue.run import run


def main() -> None:
    spec = {
        "path": {"type": "path", "required": True},
        "audit_path": {"type": "path"},
        "audit_lines": {"type": "int", "default": 0},
        "wait": {"type": "float", "default": 0.0},
    }
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), prepare_rollout_info)


if __name__ == "__main__":
    main()
